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
        let lines = Lines::new(text);
        let parsed = DeTable::parse(text).map_err(|error| SyntaxError {
            place: error.span().map(|span| lines.place(span.start)),
            problem: match error.message() {
                text if text.contains("leading zero") => {
                    format!("{text}; octal numbers are written as 0o600")
                }
                text => text.to_owned(),
            },
        })?;
        Ok(table(&lines, parsed.get_ref()))
    }
}

fn table(lines: &Lines<'_>, table: &DeTable<'_>) -> Tree {
    let entries = table.iter().map(|(key, item)| Entry {
        key: key.get_ref().to_string(),
        place: lines.place(key.span().start),
        value: value(lines, item.get_ref()),
    });
    Tree::Map(entries.collect())
}

fn list(lines: &Lines<'_>, items: &DeArray<'_>) -> Tree {
    let items = items.iter().map(|item| Item {
        place: lines.place(item.span().start),
        value: value(lines, item.get_ref()),
    });
    Tree::List(items.collect())
}

fn value(lines: &Lines<'_>, value: &DeValue<'_>) -> Tree {
    Tree::Leaf(match value {
        DeValue::Table(entries) => return table(lines, entries),
        DeValue::String(value) => value.to_string().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Integer(value) => integer(value),
        DeValue::Float(value) => value
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Datetime(value) => value.to_string().into(),
        DeValue::Array(items) => return list(lines, items),
    })
}

fn integer(value: &DeInteger<'_>) -> Value {
    if value.radix() == 8 {
        return format!("0o{}", value.as_str()).into();
    }
    i64::from_str_radix(value.as_str(), value.radix())
        .map_or_else(|_| value.as_str().into(), Value::from)
}

/// A text, and where its lines begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// The place of a byte.
    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = match self.text.get(start..offset) {
            Some(before) if before.len() <= COUNTED_BYTES => before.chars().count(),
            _ => offset - start,
        };
        Place {
            line,
            column: column + 1,
        }
    }
}

/// Characters are told from bytes as far as this, so that a long line with many values takes no long time.
const COUNTED_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_characters_and_far_out_in_bytes() {
        let text = format!("a = 1\n\"ä\" = [{}]\n", "\"ö\", ".repeat(2000));
        let lines = Lines::new(&text);
        let place = |offset| {
            let Place { line, column } = lines.place(offset);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(5), (1, 6));
        assert_eq!(place(6), (2, 1));
        let second = 6 + "\"ä\" = [\"ö\", ".len();
        assert_eq!(place(second), (2, 13));
        assert_eq!(place(text.len() - 1), (2, text.len() - 6));
        assert_eq!(place(text.len()), (3, 1));
    }
}
