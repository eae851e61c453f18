//! Whether the methods of a plugin are those of its manifest (docs/protocol.md, sections 15.3 and 23.2).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::plugin::Method;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::methods::full_name;
use crate::plugin::check::stop::{Stop, broken, ensure};
use crate::rpc::{JsonSchema, MethodInfo};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "manifest-methods",
        "23.2",
        "the methods that it lists are those of its manifest",
        |bench| Box::pin(names(bench)),
    ),
    Clause::new(
        "manifest-schemas",
        "15.3",
        "parameters and schemas that it lists agree with its manifest",
        |bench| Box::pin(schemas(bench)),
    ),
];

async fn names(bench: &mut Bench) -> Result<(), Stop> {
    let listed = bench.methods().await?;
    let listed: BTreeSet<_> = listed.iter().map(|method| method.name.clone()).collect();
    let manifest = bench.manifest();
    let declared = manifest.methods.keys();
    let declared: BTreeSet<_> = declared
        .map(|name| full_name(&manifest.name, name))
        .collect();
    if let Some(name) = declared.difference(&listed).next() {
        return Err(broken(
            format!("the method {name} of its manifest"),
            "it does not list it",
        ));
    }
    match listed.difference(&declared).next() {
        None => Ok(()),
        Some(name) => {
            let expected = format!("the method {name} in its manifest, too");
            Err(broken(expected, "the manifest does not name it"))
        }
    }
}

async fn schemas(bench: &mut Bench) -> Result<(), Stop> {
    let listed = bench.methods().await?;
    let manifest = bench.manifest();
    for (name, method) in &manifest.methods {
        let name = full_name(&manifest.name, name);
        if let Some(info) = listed.iter().find(|info| info.name == name) {
            agree(info, method)?;
        }
    }
    Ok(())
}

fn agree(info: &MethodInfo, method: &Method) -> Result<(), Stop> {
    let parsed = |schema: &Option<String>| {
        let text = schema.as_deref()?;
        serde_json::from_str::<Value>(text).ok()
    };
    let (input, output) = (parsed(&method.input), parsed(&method.output));
    if let Some(input) = &input {
        let listed: BTreeSet<_> = info.parameters.iter().map(|it| it.name.as_str()).collect();
        let declared = properties(input);
        // Neither has to say what there is; if both do, it is the same.
        let is_told = !listed.is_empty() && !declared.is_empty();
        let expected = format!("parameters {} of {}", words(&declared), info.name);
        ensure(!is_told || listed == declared, expected, words(&listed))?;
    }
    for (what, declared, listed) in [
        ("parameters", &input, &info.parameters_schema),
        ("result", &output, &info.result_schema),
    ] {
        if let (Some(declared), Some(JsonSchema(listed))) = (declared, listed) {
            let expected = format!("a schema of the {what} of {} as {declared}", info.name);
            ensure(is_alike(declared, listed), expected, listed)?;
        }
    }
    Ok(())
}

/// Whether two schemas say the same of types and of what has to be there; the words around that are
/// everybody's own.
fn is_alike(one: &Value, other: &Value) -> bool {
    let types = [one, other].map(|schema| schema.get("type"));
    let is_other_type = matches!(types, [Some(one), Some(other)] if one != other);
    let required = |schema: &Value| {
        let names = schema.get("required").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    !is_other_type && properties(one) == properties(other) && required(one) == required(other)
}

fn properties(schema: &Value) -> BTreeSet<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(|all| all.keys())
        .map(String::as_str)
        .collect()
}

fn words(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}
