//! Reading YAML.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::source::{Entry, Item, Place, SyntaxError, Tree};

impl Tree {
    /// Reads YAML.
    ///
    /// # Errors
    ///
    /// [`SyntaxError`] if it is none, or its values stand more than 32 deep in each other, or are
    /// more than 50,000 with what aliases stand for.
    pub fn from_yaml(text: &str) -> Result<Self, SyntaxError> {
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
        {
            return Ok(Self::Leaf(Value::Null));
        }
        let budget = serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES };
        let options = serde_saphyr::options! { budget: budget };
        let node = serde_saphyr::from_str_with_options(text, options);
        let node = node.map_err(|error| SyntaxError {
            place: error.location().map(place),
            problem: problem(error.without_snippet()),
        })?;
        Ok(tree(text, node))
    }
}

/// A YAML node of any kind.
enum Node {
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
    List(Vec<Spanned<Self>>),
    Leaf(Value),
}

fn tree(text: &str, node: Spanned<Node>) -> Tree {
    match node.value {
        Node::Map(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Entry {
                place: place(key.referenced),
                key: key.value,
                value: tree(text, value),
            });
            Tree::Map(entries.collect())
        }
        Node::List(items) => {
            let items = items.into_iter().map(|item| Item {
                place: place(item.referenced),
                value: tree(text, item),
            });
            Tree::List(items.collect())
        }
        Node::Leaf(Value::Number(number)) => {
            let octal = written(text, &node.defined).filter(|text| is_octal(text));
            Tree::Leaf(octal.map_or(Value::Number(number), Value::from))
        }
        Node::Leaf(value) => Tree::Leaf(value),
    }
}

/// How a scalar is written.
fn written(text: &str, location: &Location) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    let text = text.get(start..start.checked_add(length)?)?;
    Some(text.trim().to_owned())
}

/// Whether a number is meant to be octal: `0o600`, and `0600` as in older versions of YAML.
fn is_octal(text: &str) -> bool {
    let digits = text.strip_prefix("0o").or_else(|| text.strip_prefix('0'));
    digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }
}

fn place(location: Location) -> Place {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    Place {
        line: number(location.line()),
        column: number(location.column()),
    }
}

/// What is wrong, in the words of other formats where the reader's own tell of its options.
fn problem(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("key `{key}` is set twice")
        }
        error => error.to_string().lines().next().unwrap_or_default().into(),
    }
}

/// Each level takes some 40 KB of the stack in a build for tests, and a thread has 2 MiB.
const MAX_DEPTH: usize = 32;
/// Aliases can stand for many times the values that are written.
const MAX_NODES: usize = 50_000;
