//! Files as trees of values, each with the line where it stands.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

/// A value in a file.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Map(Vec<Entry>),
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
    /// Reads YAML.
    pub(crate) fn from_yaml(text: &str) -> Result<Self, SyntaxError> {
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
        {
            return Ok(Self::Map(Vec::new()));
        }
        let node: YamlNode = serde_saphyr::from_str(text).map_err(|error| SyntaxError {
            place: error.location().map(yaml_place),
            problem: first_line(&error.without_snippet().to_string()),
        })?;
        Ok(node.0)
    }

    /// Reads TOML.
    pub(crate) fn from_toml(text: &str) -> Result<Self, SyntaxError> {
        let table = toml::de::DeTable::parse(text).map_err(|error| SyntaxError {
            place: error.span().map(|span| place_of(text, span.start)),
            problem: error.message().to_owned(),
        })?;
        Ok(toml_table(text, table.get_ref()))
    }

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

/// A YAML node of any kind.
struct YamlNode(Tree);

impl<'de> Deserialize<'de> for YamlNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<YamlNode, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = yaml_place(key.referenced);
            let value = map.next_value::<YamlNode>()?.0;
            entries.push(Entry {
                key: key.value,
                place,
                value,
            });
        }
        Ok(YamlNode(Tree::Map(entries)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<YamlNode, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<YamlNode>()? {
            items.push(item.0.to_value());
        }
        Ok(YamlNode(Tree::Leaf(Value::Array(items))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Leaf(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Leaf(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Leaf(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Leaf(value.into())))
    }

    fn visit_str<E>(self, value: &str) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Leaf(value.into())))
    }

    fn visit_unit<E>(self) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Map(Vec::new())))
    }

    fn visit_none<E>(self) -> Result<YamlNode, E> {
        Ok(YamlNode(Tree::Map(Vec::new())))
    }
}

fn yaml_place(location: serde_saphyr::Location) -> Place {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    Place {
        line: number(location.line()),
        column: number(location.column()),
    }
}

fn toml_table(text: &str, table: &toml::de::DeTable<'_>) -> Tree {
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        place: place_of(text, key.span().start),
        value: toml_value(text, value.get_ref()),
    });
    Tree::Map(entries.collect())
}

fn toml_value(text: &str, value: &toml::de::DeValue<'_>) -> Tree {
    use toml::de::DeValue;
    Tree::Leaf(match value {
        DeValue::Table(table) => return toml_table(text, table),
        DeValue::String(value) => value.to_string().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix())
            .map_or_else(|_| value.as_str().into(), Value::from),
        DeValue::Float(value) => value
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Datetime(value) => value.to_string().into(),
        DeValue::Array(items) => items
            .iter()
            .map(|item| toml_value(text, item.get_ref()).to_value())
            .collect(),
    })
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

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Puts one object over another: what the upper says counts.
pub(crate) fn overlay(lower: &mut Value, upper: Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                overlay(lower.entry(key).or_insert(Value::Null), value);
            }
        }
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
