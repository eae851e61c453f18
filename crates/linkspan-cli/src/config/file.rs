//! A configuration file that was read, and which keys it may have.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::ConfigError;
use crate::config::error::Where;
use crate::config::keys::{properties, unknown};
use crate::config::source::{Entry, Place, Repeated, SyntaxError, Tree, under, unfold};

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    text: String,
    pub(crate) tree: Tree,
}

impl File {
    /// Reads a text that stands in the file of this name.
    pub(crate) fn parse(
        path: &Path,
        text: String,
        known: &Value,
    ) -> Result<Self, Box<ConfigError>> {
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        let parsed = if is_toml {
            Tree::from_toml(&text)
        } else {
            Tree::from_yaml(&text)
        };
        let unfolded = parsed.and_then(|tree| {
            unfold(tree).map_err(|Repeated { key, place }| SyntaxError {
                problem: format!("key `{key}` is set twice"),
                place: Some(place),
            })
        });
        match unfolded {
            Ok(tree) => Ok(Self {
                path: path.to_owned(),
                text,
                tree: match is_of_ipc_alone(&tree, known) {
                    true => under(tree, "ipc"),
                    false => tree,
                },
            }),
            Err(SyntaxError { problem, place }) => Err(Box::new(ConfigError {
                problem,
                origin: Where::File {
                    path: path.to_owned(),
                    text,
                    place,
                },
                hint: None,
            })),
        }
    }

    /// A place in it.
    pub(crate) fn at(&self, place: Place) -> Where {
        let (path, text) = (self.path.clone(), self.text.clone());
        Where::File {
            path,
            text,
            place: Some(place),
        }
    }
}

/// Whether a file has the keys of the section `ipc` without its name. Both have a key `transport`:
/// there it is a section, here a name.
fn is_of_ipc_alone(tree: &Tree, known: &Value) -> bool {
    let (Tree::Map(entries), Some(sections)) = (tree, properties(known)) else {
        return false;
    };
    let ipc = sections.get("ipc").and_then(properties);
    let is_of_ipc = |entry: &Entry| ipc.is_some_and(|ipc| ipc.contains_key(&entry.key));
    let is_section = |entry: &Entry| match &entry.value {
        Tree::Leaf(Value::String(_)) if entry.key == "transport" => false,
        _ => sections.contains_key(&entry.key),
    };
    entries.iter().any(is_of_ipc) && !entries.iter().any(is_section)
}

/// Refuses keys that do not exist.
pub(crate) fn check_keys(file: &File, known: &Value) -> Result<(), Box<ConfigError>> {
    check_tree(file, &file.tree, known)
}

fn check_tree(file: &File, tree: &Tree, known: &Value) -> Result<(), Box<ConfigError>> {
    let (Tree::Map(entries), Some(properties)) = (tree, properties(known)) else {
        return Ok(());
    };
    for Entry { key, place, value } in entries {
        let Some(known_value) = properties.get(key) else {
            let (problem, hint) = unknown(key, known);
            return Err(Box::new(ConfigError {
                problem,
                origin: file.at(*place),
                hint,
            }));
        };
        check_tree(file, value, known_value)?;
    }
    Ok(())
}
