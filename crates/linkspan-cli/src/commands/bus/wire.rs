//! What a recording of traffic holds: a line of JSON for each message, after one that says what it is;
//! and what brokers say about themselves.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    /// Version of the form of the lines.
    pub(super) linkspan_tap: u32,
    /// When it began, in milliseconds since 1970.
    pub(super) began_at_ms: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    /// When it came, in microseconds since the beginning.
    pub(super) at_us: u64,
    /// How it came: publication, direct, broadcast or notification.
    pub(super) kind: String,
    /// Its topic, if it is a publication.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) topic: String,
    /// Who sent it.
    pub(super) sender: String,
    /// How it is encoded, if its sender said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) codec: Option<String>,
    /// Named values beside it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) headers: Map<String, Value>,
    /// The payload, if it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// The payload in hexadecimal digits, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hex: Option<String>,
}

/// Answer of a broker to `info`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Program {
    /// Who made it.
    pub(super) author: String,
    /// Its version.
    pub(super) version: String,
}

/// Answer of a broker to `stats`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Done {
    /// Time since it began, in seconds.
    #[serde(rename = "uptime")]
    pub(super) uptime_s: u64,
    /// Operations of clients.
    #[serde(rename = "r_frames")]
    pub(super) frames_received: u64,
    /// Bytes of them.
    #[serde(rename = "r_bytes")]
    pub(super) bytes_received: u64,
    /// Messages and acknowledgements to clients.
    #[serde(rename = "w_frames")]
    pub(super) frames_sent: u64,
    /// Bytes of them.
    #[serde(rename = "w_bytes")]
    pub(super) bytes_sent: u64,
}
