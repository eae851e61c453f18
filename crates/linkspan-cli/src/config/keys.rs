//! Which keys exist, by the schema.

use serde_json::Value;

/// All sections, empty.
pub(crate) fn sections(known: &Value) -> Value {
    let inner = properties(known).into_iter().flatten();
    let inner = inner.filter(|(_, value)| properties(value).is_some());
    Value::Object(
        inner
            .map(|(key, value)| (key.clone(), sections(value)))
            .collect(),
    )
}

/// What stands in a section, by its schema.
pub(crate) fn properties(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// What to say of a key that does not exist.
pub(crate) fn unknown(key: &str, known: &Value) -> (String, Option<String>) {
    if let Some((_, what)) = NOT_YET.iter().find(|(planned, _)| *planned == key) {
        return (
            format!("key `{key}` is not in this version"),
            Some((*what).to_owned()),
        );
    }
    let keys: Vec<_> = properties(known)
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect();
    let score = |other: &&&str| strsim::jaro_winkler(key, other);
    let nearest = keys
        .iter()
        .max_by(|one, other| score(one).total_cmp(&score(other)));
    let hint = match nearest.filter(|nearest| score(nearest) > 0.75) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("the keys here are {}", keys.join(", ")),
    };
    (format!("unknown key `{key}`"), Some(hint))
}

/// Keys of what is planned. They are refused, so that nobody believes that they have an effect.
const NOT_YET: [(&str, &str); 2] = [
    (
        "durable",
        "messages are kept in memory only; leave the key out",
    ),
    (
        "bridge",
        "this broker passes messages on to no other; leave the key out",
    ),
];
