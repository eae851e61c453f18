//! Files in YAML or TOML as trees of values, each with the line where it stands. Shared with the
//! command line, and no API for others.

mod toml;
mod yaml;

use serde_json::Value;

/// A value in a file.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "files hold nothing else")]
pub enum Tree {
    /// Values by their keys, in the order of the file.
    Map(Vec<Entry>),
    /// Values in their order.
    List(Vec<Item>),
    /// Numbers in octal digits are kept as they are written: only file modes are meant by them.
    Leaf(Value),
}

/// A key with its value.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the command line makes them, too"
)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Tree,
}

/// A value in a list.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the command line makes them, too"
)]
pub struct Item {
    /// Where it stands.
    pub place: Place,
    /// The value.
    pub value: Tree,
}

/// A place in a file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a line and a column are a place")]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// A file is not YAML or TOML.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the command line makes them, too"
)]
pub struct SyntaxError {
    /// What is wrong.
    pub problem: String,
    /// Where, if that is known.
    pub place: Option<Place>,
}

impl Tree {
    /// The entry at a path of keys.
    pub fn find(&self, path: &[&str]) -> Option<&Entry> {
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
    pub fn to_value(&self) -> Value {
        match self {
            Self::Leaf(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value.to_value()).collect(),
            Self::Map(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()));
                Value::Object(pairs.collect())
            }
        }
    }
}
