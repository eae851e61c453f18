//! Files as trees of values, each with the line where it stands, and one over the other.

mod flat;

pub(crate) use flat::{Repeated, under, unfold};
pub(crate) use linkspan::source::{Entry, Place, SyntaxError, Tree};

use serde_json::{Map, Value};

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
