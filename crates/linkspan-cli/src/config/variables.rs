//! Settings in environment variables.

use std::ffi::{OsStr, OsString};

use serde_json::Value;

use crate::config::ConfigError;
use crate::config::error::Where;
use crate::config::keys::{properties, unknown};
use crate::config::source::Tree;

/// An environment variable that sets a value.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
}

/// Variables of the form `LINKSPAN_SECTION__KEY`; others are nobody's business here.
pub(crate) fn read_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
    known: &Value,
) -> Result<Vec<Variable>, Box<ConfigError>> {
    let mut read = Vec::new();
    for (name, text) in variables {
        if is_setting(&name) {
            read.push(read_variable(&name, &text, known)?);
        }
    }
    read.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(read)
}

fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let path = name.strip_prefix("LINKSPAN_");
    path.is_some_and(|path| path.contains("__"))
}

fn read_variable(name: &OsStr, text: &OsStr, known: &Value) -> Result<Variable, Box<ConfigError>> {
    let lossy = name.to_string_lossy();
    let wrong = |problem: String, hint| {
        let origin = Where::Variable(lossy.to_string());
        Box::new(ConfigError {
            problem,
            origin,
            hint,
        })
    };
    let Some(path) = name
        .to_str()
        .and_then(|name| name.strip_prefix("LINKSPAN_"))
    else {
        return Err(wrong("the name is not UTF-8".to_owned(), None));
    };
    let path: Vec<_> = path.split("__").map(str::to_lowercase).collect();
    let mut schema = known;
    for key in &path {
        schema = match properties(schema).and_then(|properties| properties.get(key)) {
            Some(schema) => schema,
            None => {
                let (problem, hint) = unknown(key, schema);
                return Err(wrong(problem, hint));
            }
        };
    }
    let Some(text) = text.to_str() else {
        return Err(wrong("the value is not UTF-8".to_owned(), None));
    };
    // A variable holds what could stand in the file.
    let value = Tree::from_yaml(text).map_or_else(|_| text.into(), |tree| tree.to_value());
    Ok(Variable {
        name: lossy.into_owned(),
        path,
        value,
    })
}
