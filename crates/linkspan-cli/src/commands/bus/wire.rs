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
    /// How it was sent: publication, direct, broadcast, notification, request, reply or error.
    pub(super) kind: String,
    /// Its topic, if it is a publication.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) topic: String,
    /// Who sent it.
    pub(super) sender: String,
    /// For whom it was, if for somebody: a name, or the mask of a broadcast.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) receiver: String,
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
    /// What other brokers do not say.
    #[serde(flatten)]
    pub(super) more: Option<More>,
}

/// What our broker says besides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct More {
    /// Messages that were dropped for want of room.
    pub(super) dropped: u64,
    /// Places where clients were told of that.
    pub(super) gaps: u64,
    /// What clients wanted to do and may not.
    pub(super) denied: u64,
    /// Messages that came too fast.
    pub(super) rate_limited: u64,
    /// Publications that did not fit a schema.
    pub(super) invalid: u64,
    /// Messages that could not be delivered and are kept.
    pub(super) dead_letters: u64,
    /// Bytes of them.
    pub(super) dead_letter_bytes: u64,
    /// Those that had to make room for newer ones.
    pub(super) dead_letters_forgotten: u64,
    /// Masks of all clients.
    pub(super) masks: u64,
    /// Messages and acknowledgements that wait.
    #[serde(rename = "queue")]
    pub(super) queued: u64,
    /// Bytes that wait.
    #[serde(rename = "queue_bytes")]
    pub(super) queued_bytes: u64,
    /// Bytes that may wait.
    pub(super) memory_limit: u64,
    /// Clients that watch what others send.
    pub(super) taps: u64,
    /// Messages that were dropped for them alone.
    pub(super) tap_dropped: u64,
}
