//! Files as trees of values, each with the line where it stands.

mod flat;
mod toml;
mod yaml;

pub(crate) use flat::Repeated;

use serde_json::{Map, Value};

/// A value in a file.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Map(Vec<Entry>),
    /// Numbers in octal digits are kept as they are written: only file modes are meant by them.
    Leaf(Value),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    pub(crate) value: Tree,
}

/// A place in a file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A file is not YAML or TOML.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) problem: String,
    pub(crate) place: Option<Place>,
}

impl Tree {
    /// The entry at a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Entry> {
        let (first, rest) = path.split_first()?;
        let Self::Map(entries) = self else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key == *first)?;
        if rest.is_empty() {
            Some(entry)
        } else {
            entry.value.find(rest)
        }
    }

    /// The values without their places.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::Map(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()));
                Value::Object(pairs.collect())
            }
        }
    }
}

/// Puts one object over another: what the upper says counts; a section without a value says nothing.
pub(crate) fn overlay(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                overlay(lower.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Object(_), Value::Null) => {}
        (lower, upper) => *lower = upper,
    }
}

/// An object with one value at a path.
pub(crate) fn nested(path: &[&str], value: Value) -> Value {
    path.iter().rev().fold(value, |value, key| {
        let mut map = Map::new();
        map.insert((*key).to_owned(), value);
        Value::Object(map)
    })
}
