//! Which methods of a plugin can be called without harm, and with what.

use serde_json::{Map, Value, json};

use crate::codec::{Codec, CodecError};
use crate::plugin::check::frame::{END, Frame};
use crate::plugin::wire::{DESCRIBE, LIVE, READY};
use crate::plugin::{Manifest, PluginName};
use crate::rpc::{MethodInfo, Shape};

/// A call that does no harm, however often it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub(super) method: String,
    /// In MessagePack.
    pub(super) body: Vec<u8>,
    /// Whether items follow.
    pub(super) takes_items: bool,
}

impl Call {
    /// Calls `method` with these parameters, as a map of their names.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if they cannot be MessagePack.
    pub fn new<T>(method: impl Into<String>, parameters: &T) -> Result<Self, CodecError>
    where
        T: serde::Serialize + ?Sized,
    {
        Ok(Self {
            method: method.into(),
            body: Codec::Msgpack.encode(parameters)?.to_vec(),
            takes_items: false,
        })
    }

    /// A request whose answer does not come before long: of a method that takes items the direction
    /// stays open.
    pub(super) fn request(&self) -> Frame {
        let flags = if self.takes_items { 0 } else { END };
        Frame::request(0, &self.method, &self.body).flags(flags)
    }
}

/// The full name of a method that a manifest names.
pub(super) fn full_name(plugin: &PluginName, method: &str) -> String {
    match method.contains('.') {
        true => method.to_owned(),
        false => format!("{}.{method}", service(plugin)),
    }
}

/// The service that is named after a plugin.
pub(super) fn service(plugin: &PluginName) -> String {
    plugin.as_str().replace('-', "_")
}

/// A call of a method that its manifest declares pure, whose shape is one of these.
pub(super) fn pure_call(
    manifest: &Manifest,
    listed: &[MethodInfo],
    fits: impl Fn(Shape) -> bool,
) -> Option<Call> {
    let pure = manifest.methods.iter().filter(|(_, method)| method.is_pure);
    let mut calls = pure.filter_map(|(name, method)| {
        let name = full_name(&manifest.name, name);
        let info = listed.iter().find(|info| info.name == name)?;
        let schema = method.input.as_deref();
        let schema = schema.and_then(|text| serde_json::from_str(text).ok());
        let example = schema.as_ref().map_or_else(|| Some(json!({})), example);
        let mut call = Call::new(name, &example?).ok()?;
        call.takes_items = info.shape.takes_stream();
        fits(info.shape).then_some(call)
    });
    calls.next()
}

/// A value that fits a JSON Schema, if it is a simple one.
fn example(schema: &Value) -> Option<Value> {
    let first = |list: &str| schema.get(list)?.as_array()?.first();
    let given = schema.get("const").or_else(|| schema.get("default"));
    let given = first("examples").or(given).or_else(|| first("enum"));
    if let Some(given) = given {
        return Some(given.clone());
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first()?.as_str()?,
        Some(kind) => kind.as_str()?,
        None if schema.get("properties").is_some() => "object",
        None => return None,
    };
    let least = |key: &str| schema.get(key).and_then(Value::as_u64);
    Some(match kind {
        "object" => return object(schema),
        "array" => {
            let count = least("minItems").unwrap_or(0).min(MAX_ITEMS);
            let items = (0..count).map(|_| example(schema.get("items")?));
            Value::Array(items.collect::<Option<_>>()?)
        }
        "string" => {
            let length = least("minLength").unwrap_or(1).clamp(1, MAX_ITEMS);
            "a".repeat(usize::try_from(length).ok()?).into()
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => Value::Bool(false),
        "null" => Value::Null,
        _ => return None,
    })
}

fn object(schema: &Value) -> Option<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let mut object = Map::new();
    for name in required.into_iter().flatten() {
        let name = name.as_str()?;
        let property = schema.get("properties")?.get(name)?;
        object.insert(name.to_owned(), example(property)?);
    }
    Some(Value::Object(object))
}

/// The method that lists the methods.
pub(super) const METHODS: &str = "linkspan.methods";
/// What every plugin answers.
pub(super) const ALWAYS: [&str; 4] = [LIVE, READY, DESCRIBE, METHODS];
/// No longer examples are made up.
const MAX_ITEMS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_fit_simple_schemas() {
        for (schema, expected) in [
            (json!({ "type": "string" }), Some(json!("a"))),
            (json!({ "type": "integer", "minimum": 7 }), Some(json!(7))),
            (json!({ "type": ["null", "string"] }), Some(json!(null))),
            (json!({ "enum": ["red", "blue"] }), Some(json!("red"))),
            (
                json!({ "type": "string", "examples": ["Ada"] }),
                Some(json!("Ada")),
            ),
            (json!({ "$ref": "#/definitions/name" }), None),
            (
                json!({
                    "type": "object",
                    "properties": { "name": { "type": "string" }, "age": { "type": "integer" } },
                    "required": ["name"],
                }),
                Some(json!({ "name": "a" })),
            ),
            (
                json!({ "type": "array", "items": { "type": "number" }, "minItems": 2 }),
                Some(json!([1, 1])),
            ),
            (json!({ "type": "object", "required": ["name"] }), None),
        ] {
            assert_eq!(example(&schema), expected, "{schema}");
        }
    }
}
