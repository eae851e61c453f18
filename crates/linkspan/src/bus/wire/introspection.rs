//! What the broker says about itself and its clients.

use serde::{Deserialize, Serialize};

/// Answer to `test`.
#[derive(Debug, Serialize)]
pub(crate) struct Test {
    pub(crate) ok: bool,
}

/// Answer to `info`.
#[derive(Debug, Serialize)]
pub(crate) struct Info {
    pub(crate) author: &'static str,
    pub(crate) version: &'static str,
}

/// Answer to `stats`.
#[derive(Debug, Serialize)]
pub(crate) struct Traffic {
    pub(crate) uptime: u64,
    pub(crate) r_frames: u64,
    pub(crate) r_bytes: u64,
    pub(crate) w_frames: u64,
    pub(crate) w_bytes: u64,
    // What follows BUS/RT's own broker does not say.
    pub(crate) dropped: u64,
    pub(crate) gaps: u64,
    pub(crate) denied: u64,
    pub(crate) rate_limited: u64,
    pub(crate) invalid: u64,
    pub(crate) dead_letters: usize,
    pub(crate) dead_letter_bytes: usize,
    pub(crate) dead_letters_forgotten: u64,
    pub(crate) masks: usize,
    pub(crate) queue: usize,
    pub(crate) queue_bytes: usize,
    pub(crate) memory_limit: usize,
    pub(crate) taps: usize,
    pub(crate) tap_dropped: u64,
}

/// Which clients `client.list` is to name.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filter {
    /// A regular expression that a name has to match.
    #[serde(default)]
    pub(crate) filter: Option<String>,
}

/// Answer to `client.list`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClientList {
    pub(crate) clients: Vec<ClientInfo>,
}

/// A primary client of a broker, as the broker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Its name.
    pub name: String,
    /// By which way it is connected: `internal`, `local_ipc`, `tcp`, `websocket`.
    pub kind: String,
    /// Its network address, where there is one.
    pub source: Option<String>,
    /// The listener by which it came.
    pub port: Option<String>,
    /// Operations that were received from it.
    #[serde(rename = "r_frames")]
    pub frames_received: u64,
    /// Bytes of their bodies.
    #[serde(rename = "r_bytes")]
    pub bytes_received: u64,
    /// Messages and acknowledgements that it was sent.
    #[serde(rename = "w_frames")]
    pub frames_sent: u64,
    /// Bytes of their bodies.
    #[serde(rename = "w_bytes")]
    pub bytes_sent: u64,
    /// Messages that wait for it.
    pub queue: usize,
    /// Its connections: itself, and its secondaries.
    pub instances: usize,
    /// Bytes of the messages that wait for it.
    #[serde(default)]
    pub queue_bytes: usize,
    /// Messages for it that were dropped for want of room.
    #[serde(default)]
    pub dropped: u64,
    /// Places where it was told of that.
    #[serde(default)]
    pub gaps: u64,
    /// What it wanted to do and may not.
    #[serde(default)]
    pub denied: u64,
    /// Its messages that came too fast or did not fit a schema.
    #[serde(default)]
    pub refused: u64,
}
