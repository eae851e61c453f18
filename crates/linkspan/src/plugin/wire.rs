//! What plugin and host say to each other beside calls (docs/protocol.md, section 23.2).
//!
//! All are MessagePack maps with named fields: what is missing has a default, what is not known is
//! skipped, so fields can be added.

use std::collections::BTreeMap;
use std::fmt;

use proto::message::VersionRange;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::rpc::MethodInfo;

/// What a plugin says that it is, when it is asked by `linkspan.plugin.describe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Describe {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it can be asked.
    pub methods: Vec<MethodInfo>,
    /// Masks of the topics that it wants to hear of.
    #[serde(default)]
    pub events: Vec<String>,
    /// Versions of the protocol that it speaks. Default: 1.
    #[serde(default = "first_version")]
    pub protocol: VersionRange,
    /// What it is written with.
    #[serde(default)]
    pub sdk: Sdk,
    /// What it is for.
    #[serde(default)]
    pub doc: String,
}

impl Describe {
    /// Describes a plugin of which only name, version and methods are known.
    pub fn new(name: &str, version: &str, methods: Vec<MethodInfo>) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            methods,
            events: Vec::new(),
            protocol: first_version(),
            sdk: Sdk::default(),
            doc: String::new(),
        }
    }
}

fn first_version() -> VersionRange {
    VersionRange::new(1, 1)
}

/// What a plugin is written with; texts are empty where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Sdk {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The language.
    pub language: String,
    /// What runs it, as the version of an interpreter.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
}

/// Whether a plugin can do its work now: the answer to `linkspan.plugin.ready`, and the event of that name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ready {
    /// Whether it can.
    pub ready: bool,
    /// Why not; may be empty.
    #[serde(default)]
    pub reason: String,
}

impl Ready {
    /// It can do its work, or cannot for this reason.
    pub fn new(ready: bool, reason: &str) -> Self {
        Self {
            ready,
            reason: reason.to_owned(),
        }
    }
}

/// How far a call is: an event on its stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done, in whatever is counted.
    pub done: f64,
    /// How much there is, if that is known.
    #[serde(default)]
    pub total: Option<f64>,
    /// What is being done.
    #[serde(default)]
    pub message: String,
}

impl Progress {
    /// So much is done, of so much if that is known.
    pub fn new(done: f64, total: Option<f64>, message: &str) -> Self {
        Self {
            done,
            total,
            message: message.to_owned(),
        }
    }
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What happened.
    pub message: String,
    /// Which part of the plugin says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Named values beside the message, at most 64 of them.
    #[serde(
        default,
        deserialize_with = "fields",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub fields: BTreeMap<String, LogValue>,
    /// The call in which it was said, by the number of its stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// Records before this one that were dropped for want of room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

impl LogRecord {
    /// A record with nothing but a message.
    pub fn new(level: LogLevel, message: impl Into<String>) -> Self {
        Self {
            level,
            message: message.into(),
            target: String::new(),
            fields: BTreeMap::new(),
            stream: None,
            dropped: 0,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How much a log record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a fault.
    Debug,
    /// What goes on.
    Info,
    /// What somebody should look at.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A value beside the message of a log record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum LogValue {
    /// Nothing.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above those.
    UInt(u64),
    /// Any number.
    Float(f64),
    /// A text.
    Text(String),
}

impl From<u64> for LogValue {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::UInt(number), Self::Int)
    }
}

impl fmt::Display for LogValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::UInt(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for LogValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = LogValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a boolean, nil or a text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<LogValue, E> {
        Ok(LogValue::Nil)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<LogValue, E> {
        Ok(LogValue::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<LogValue, E> {
        Ok(LogValue::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<LogValue, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<LogValue, E> {
        Ok(LogValue::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<LogValue, E> {
        Ok(LogValue::Text(value.to_owned()))
    }
}

/// Reads so many fields as are kept; a record of many small ones would take far more memory here than
/// it had bytes.
fn fields<'de, D>(deserializer: D) -> Result<BTreeMap<String, LogValue>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = BTreeMap<String, LogValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = BTreeMap::new();
            while fields.len() < MAX_LOG_FIELDS
                && let Some((name, value)) = map.next_entry()?
            {
                fields.insert(name, value);
            }
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(fields)
        }
    }

    deserializer.deserialize_map(Fields)
}

/// What a plugin finds the number of its end of the connection in.
pub(crate) const DESCRIPTOR_VARIABLE: &str = "LINKSPAN_PLUGIN_FD";

/// The methods that every plugin answers, beside `linkspan.methods`.
pub(crate) const DESCRIBE: &str = "linkspan.plugin.describe";
pub(crate) const LIVE: &str = "linkspan.plugin.live";
/// Also the topic by which it tells that its readiness has changed.
pub(crate) const READY: &str = "linkspan.plugin.ready";

/// Topics of log records, and of progress.
pub(crate) const LOG: &str = "linkspan.log";
pub(crate) const PROGRESS: &str = "linkspan.progress";

/// What names of methods and topics of Linkspan's own begin with.
pub(crate) const RESERVED_PREFIX: &str = "linkspan.";

/// Exit codes of plugins: it was not started by a host, it cannot start its work, the connection
/// failed.
pub(crate) const EXIT_USAGE: u8 = 64;
pub(crate) const EXIT_SOFTWARE: u8 = 70;
pub(crate) const EXIT_PROTOCOL: u8 = 76;

/// More fields of a log record are skipped.
const MAX_LOG_FIELDS: usize = 64;
