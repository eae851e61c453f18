//! Schemas that publications have to fit, by their topics.

use std::fmt;
use std::sync::Arc;

use jsonschema::{PatternOptions, ValidationError, Validator};
use proto::topic::{Mask, Trie};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::bus::broker::{Broker, Check, Embedded};
use crate::bus::wire::{SEALED, codec_of};
use crate::codec::Codec;

/// JSON Schemas that publications have to fit before anybody gets them.
///
/// A payload is read as JSON or as MessagePack, as its sender says; if nobody says, as clients of
/// BUS/RT cannot, as what it looks like. One that is neither fits no schema, nor does one that has
/// bytes in MessagePack, which JSON does not know, or more than 1 MiB. What does not fit is refused
/// with the place in it ([`PostError::Invalid`](crate::bus::PostError::Invalid)), clients of BUS/RT get
/// the status *data error*, and the broker keeps it as a [dead letter](crate::bus::DeadLetters).
///
/// Schemas say by `$schema` to which draft of JSON Schema they keep; without that it is 2020-12.
/// References have to lead to places in the same schema, and patterns are those of the crate `regex`,
/// which takes no longer for a payload that was made to be slow.
///
/// # Examples
///
/// ```
/// use linkspan::bus::{Broker, Client, PostError, Schemas};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut schemas = Schemas::new();
/// let schema = r#"{ "type": "object", "properties": { "celsius": { "type": "number" } } }"#;
/// schemas.add(&"house/+/temperature".parse()?, schema)?;
/// let _serving = Broker::new().schemas(schemas).listen("mem:schemas").await?;
///
/// let sensor = Client::connect("mem:schemas", "sensor").await?;
/// let refused = sensor.publish("house/kitchen/temperature", &[("celsius", "hot")]).await;
/// assert!(matches!(refused, Err(PostError::Invalid(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Schemas {
    schemas: Vec<Arc<Schema>>,
    /// Which of them a topic has.
    masks: Trie<usize>,
}

#[derive(Debug)]
struct Schema {
    mask: Mask,
    validator: Validator,
}

/// A text is no schema that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// It is not JSON.
    #[error("line {line}, column {column}: {problem}")]
    Json {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// It is no JSON Schema, or refers to another document.
    #[error("at {path}: {problem}")]
    Schema {
        /// The place in it, as a JSON pointer.
        path: String,
        /// What is wrong there.
        problem: String,
    },
}

impl Schemas {
    /// No schemas: everything fits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has publications under the topics of a mask fit a schema, besides those that they have to fit
    /// already.
    ///
    /// # Errors
    ///
    /// Any [`SchemaError`]; then nothing is added.
    pub fn add(&mut self, mask: &Mask, schema: &str) -> Result<(), SchemaError> {
        let schema: Value = serde_json::from_str(schema).map_err(|error| not_json(&error))?;
        let options = Validator::options().with_pattern_options(PatternOptions::regex());
        let validator = options.build(&schema).map_err(|error| no_schema(&error))?;
        self.masks.insert(mask, &self.schemas.len());
        let mask = mask.clone();
        self.schemas.push(Arc::new(Schema { mask, validator }));
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.schemas.is_empty()
    }
}

impl Broker {
    /// Has publications fit schemas.
    #[must_use]
    pub fn schemas(mut self, schemas: Schemas) -> Self {
        self.checks = schemas.into_check();
        self
    }
}

impl Embedded {
    /// Has publications fit these schemas from now on, instead of those that they had to fit.
    pub fn set_schemas(&self, schemas: Schemas) {
        self.core().rules.set_checks(schemas.into_check());
    }
}

impl Schemas {
    fn into_check(self) -> Option<Arc<dyn Check>> {
        (!self.is_empty()).then(|| Arc::new(self) as Arc<dyn Check>)
    }
}

impl Check for Schemas {
    fn check(&self, topic: &str, codec: u8, payload: &[u8]) -> Result<(), String> {
        let mut found = Vec::new();
        self.masks.find(topic, &mut found);
        if found.is_empty() {
            return Ok(());
        }
        let value = read(codec, payload)?;
        let schemas = found.iter().filter_map(|index| self.schemas.get(*index));
        for Schema { mask, validator } in schemas.map(|schema| &**schema) {
            validator.validate(&value).map_err(|error| {
                let path = pointer(error.instance_path().as_str());
                let problem = shortened(&error.masked().to_string());
                format!("the payload does not fit the schema of \"{mask}\" at {path}: {problem}")
            })?;
        }
        Ok(())
    }
}

/// A payload as JSON's data model has it.
fn read(codec: u8, payload: &[u8]) -> Result<Value, String> {
    if payload.len() > MOST_BYTES {
        let bytes = payload.len();
        return Err(format!(
            "payload of {bytes} bytes exceeds the limit of {MOST_BYTES} bytes for topics with a schema"
        ));
    }
    if codec & SEALED != 0 {
        return Err("the payload is sealed, and the broker cannot look into it".to_owned());
    }
    let wrong = |what: &str, problem: &dyn fmt::Display| {
        shortened(&format!("the payload is not {what}: {problem}"))
    };
    match codec_of(codec) {
        Some(Codec::Json) => json(payload).map_err(|error| wrong("JSON", &error)),
        Some(Codec::Msgpack) => msgpack(payload).map_err(|error| wrong("MessagePack", &error)),
        Some(Codec::Protobuf) => {
            Err("the payload is protobuf, which fits no JSON Schema".to_owned())
        }
        // No text of JSON begins with a byte with which structures of MessagePack do.
        _ => json(payload)
            .or_else(|error| msgpack(payload).map_err(|_| wrong("JSON, nor MessagePack", &error))),
    }
}

fn json(payload: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(payload)
}

fn msgpack(mut payload: &[u8]) -> Result<Value, String> {
    let mut decoder = rmp_serde::Deserializer::new(&mut payload);
    decoder.set_max_depth(MAX_DEPTH);
    let value = Value::deserialize(&mut decoder).map_err(|error| error.to_string())?;
    match payload {
        [] => Ok(value),
        rest => Err(format!("{} bytes follow it", rest.len())),
    }
}

fn pointer(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// A text for people, who want to know no more.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn not_json(error: &serde_json::Error) -> SchemaError {
    let text = error.to_string();
    // The place is told beside it.
    let problem = text
        .split_once(" at line ")
        .map_or(&*text, |(text, _)| text);
    SchemaError::Json {
        line: error.line(),
        column: error.column(),
        problem: problem.to_owned(),
    }
}

fn no_schema(error: &ValidationError<'_>) -> SchemaError {
    SchemaError::Schema {
        // What is validated here is the schema.
        path: pointer(error.instance_path().as_str()).to_owned(),
        problem: shortened(&error.to_string()),
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masks = self.schemas.iter().map(|schema| &schema.mask);
        f.debug_list().entries(masks).finish()
    }
}

/// Longest payload that is looked into: one byte of it may take about fifty while it is.
const MOST_BYTES: usize = 1024 * 1024;
const MAX_DEPTH: usize = 128;
const MOST_LETTERS: usize = 300;
