//! Reading TOML.

use ::toml::de::{DeArray, DeInteger, DeTable, DeValue};
use serde_json::Value;

use crate::source::{Entry, Item, Place, SyntaxError, Tree};

impl Tree {
    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// [`SyntaxError`] if it is none.
    pub fn from_toml(text: &str) -> Result<Self, SyntaxError> {
        let parsed = DeTable::parse(text).map_err(|error| SyntaxError {
            place: error.span().map(|span| place_of(text, span.start)),
            problem: match error.message() {
                text if text.contains("leading zero") => {
                    format!("{text}; octal numbers are written as 0o600")
                }
                text => text.to_owned(),
            },
        })?;
        Ok(table(text, parsed.get_ref()))
    }
}

fn table(text: &str, table: &DeTable<'_>) -> Tree {
    let entries = table.iter().map(|(key, item)| Entry {
        key: key.get_ref().to_string(),
        place: place_of(text, key.span().start),
        value: value(text, item.get_ref()),
    });
    Tree::Map(entries.collect())
}

fn list(text: &str, items: &DeArray<'_>) -> Tree {
    let items = items.iter().map(|item| Item {
        place: place_of(text, item.span().start),
        value: value(text, item.get_ref()),
    });
    Tree::List(items.collect())
}

fn value(text: &str, value: &DeValue<'_>) -> Tree {
    Tree::Leaf(match value {
        DeValue::Table(entries) => return table(text, entries),
        DeValue::String(value) => value.to_string().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Integer(value) => integer(value),
        DeValue::Float(value) => value
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Datetime(value) => value.to_string().into(),
        DeValue::Array(items) => return list(text, items),
    })
}

fn integer(value: &DeInteger<'_>) -> Value {
    if value.radix() == 8 {
        return format!("0o{}", value.as_str()).into();
    }
    i64::from_str_radix(value.as_str(), value.radix())
        .map_or_else(|_| value.as_str().into(), Value::from)
}

/// The place of a byte of a text.
fn place_of(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count())
        + 1;
    Place { line, column }
}
