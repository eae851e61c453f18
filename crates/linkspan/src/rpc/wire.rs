//! What rpc itself sends over the wire: descriptions of methods.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Describes a method, for reflection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodInfo {
    /// Its name, as `service.method`.
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Which directions are streams.
    pub shape: Shape,
    /// Its parameters; none are known of a method that takes any body.
    #[serde(default)]
    pub parameters: Vec<ParameterInfo>,
    /// Type of its result, or of the items that it streams, as in the source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// Type of its error, as in the source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// How long a caller waits if it does not say otherwise, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Whether it does no harm to call it twice.
    #[serde(default)]
    pub idempotent: bool,
    /// JSON Schema of the parameters, if the service was declared with `schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_schema: Option<JsonSchema>,
    /// JSON Schema of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_schema: Option<JsonSchema>,
}

impl MethodInfo {
    /// Describes a method of which only the name is known.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            doc: String::new(),
            shape: Shape::Unary,
            parameters: Vec::new(),
            result: String::new(),
            error: String::new(),
            deadline_ms: None,
            idempotent: false,
            parameters_schema: None,
            result_schema: None,
        }
    }
}

impl<T: Into<String>> From<T> for MethodInfo {
    fn from(name: T) -> Self {
        Self::named(name)
    }
}

/// A JSON Schema, as a document; it displays as its JSON text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonSchema(pub(crate) Value);

impl fmt::Display for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Describes a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterInfo {
    /// Its name.
    pub name: String,
    /// Its type, as in the source.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// Which directions of a call are streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// One question, one answer.
    #[default]
    Unary,
    /// One question, many answers.
    ServerStream,
    /// Many questions, one answer.
    ClientStream,
    /// Many of both.
    BothStreams,
}

impl Shape {
    /// Whether the caller sends items.
    pub fn takes_stream(self) -> bool {
        matches!(self, Self::ClientStream | Self::BothStreams)
    }

    /// Whether the answer has items.
    pub fn gives_stream(self) -> bool {
        matches!(self, Self::ServerStream | Self::BothStreams)
    }
}

/// The method that every router has: it lists the methods.
pub(crate) const REFLECTION: &str = "linkspan.methods";
