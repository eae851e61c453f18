//! What clients ask the broker for; MessagePack maps.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bus::Overflow;

/// A client wants a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attach {
    pub(crate) name: String,
    /// What is published when it is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) will: Option<Will>,
}

/// What is published when a client is lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Will {
    pub(crate) topic: String,
    #[serde(default)]
    pub(crate) codec: u8,
    #[serde(default)]
    pub(crate) headers: Bytes,
    #[serde(default)]
    pub(crate) payload: Bytes,
}

/// A client has its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attached {
    /// Tells it from others that had the name before.
    pub(crate) id: u64,
    /// Longest message that the broker takes.
    pub(crate) max_message_bytes: u32,
}

/// A client wants publications.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Subscribe {
    pub(crate) masks: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclude: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) overflow: Option<Overflow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue_messages: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queue_bytes: Option<u64>,
    /// Whether gaps are to be told.
    #[serde(default)]
    pub(crate) gaps: bool,
}

/// Somebody wants to know when a client is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Watch {
    pub(crate) name: String,
    /// The number of the client that is meant.
    pub(crate) id: u64,
}
