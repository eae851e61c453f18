//! Limits and times, with units and defaults (docs/protocol.md, section 11).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::Compression;
use crate::message::{Identity, VersionRange};

/// What one side of a session can do and takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Who this side says it is. Default: empty.
    pub identity: Identity,
    /// Protocol versions that may be agreed on. Default: [`VersionRange::SUPPORTED`].
    pub versions: VersionRange,
    /// Features that may be agreed on, by name. Default: [`Config::CONTINUED`] and
    /// [`Config::SEALED`].
    pub features: Vec<String>,
    /// Body encodings that this side reads. Default: `msgpack`, `json`, `protobuf`, `raw`.
    pub codecs: Vec<String>,
    /// Compression that this side inflates and may send, the preferred one first. Default: none.
    ///
    /// The protocol itself compresses nothing: whoever sends gives it bodies that are compressed.
    pub compression: Vec<Compression>,
    /// Ways to authenticate, by name: those of a client, the preferred one first; those that a
    /// server takes. Default: none.
    pub auth: Vec<String>,
    /// Whether there must be a common one of these: then a server refuses other clients, and a
    /// client refuses a server that does not ask it. Default: false.
    pub auth_required: bool,
    /// What this side takes from the peer.
    pub limits: Limits,
    /// Whether to agree to go without checksums. Default: false.
    ///
    /// Only if both sides say so, frames carry zeros for checksums.
    pub unchecked: bool,
    /// Encoded bytes that may wait for the transport before new requests, events and chunks have
    /// to wait, in bytes. Default: 262,144.
    pub send_buffer_bytes: usize,
    /// Bytes that may wait on one stream for credit or their turn, in bytes. Default: 262,144.
    ///
    /// A single item may exceed it; the next one waits.
    pub stream_buffer_bytes: usize,
    /// Silence after which the peer is asked for a sign of life, and the time between two such
    /// questions. Default: 15 s.
    pub heartbeat_interval: Duration,
    /// Unanswered questions after which the peer counts as lost. Default: 3.
    pub heartbeat_misses: u32,
}

impl Config {
    /// The feature that items may go on in further chunks
    /// ([`Flags::CONTINUED`](crate::frame::Flags::CONTINUED)).
    ///
    /// With a peer that does not know it, an item that does not fit into one chunk arrives as
    /// several.
    pub const CONTINUED: &str = "continued";

    /// The feature that bodies may be sealed envelopes
    /// ([`Flags::SEALED`](crate::frame::Flags::SEALED)). Who knows it need not be able to open one.
    pub const SEALED: &str = "sealed";
}

impl Default for Config {
    fn default() -> Self {
        Self {
            identity: Identity::default(),
            versions: VersionRange::SUPPORTED,
            features: [Self::CONTINUED, Self::SEALED].map(str::to_owned).to_vec(),
            codecs: ["msgpack", "json", "protobuf", "raw"]
                .map(str::to_owned)
                .to_vec(),
            compression: Vec::new(),
            auth: Vec::new(),
            auth_required: false,
            limits: Limits::default(),
            unchecked: false,
            send_buffer_bytes: 256 * 1024,
            stream_buffer_bytes: 256 * 1024,
            heartbeat_interval: Duration::from_secs(15),
            heartbeat_misses: 3,
        }
    }
}

/// What a side takes from its peer; told in the handshake and checked by the sender too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Longest payload of a frame, in bytes. Default: 1,048,576. At least 16,384.
    ///
    /// A peer can make us buffer one such frame.
    pub max_frame_bytes: u32,
    /// Streams that the peer may have open at once. Default: 1,024.
    ///
    /// Each can hold the first 128 KiB of its opening frame besides what credit allows.
    pub max_streams: u32,
    /// Bytes that the peer may send on a stream before the first credit. Default: 1,048,576.
    pub stream_credit: u64,
    /// Bytes that the peer may send on all streams before the first credit. Default: 8,388,608.
    ///
    /// Chunks and events may not use the last 2 x `max_frame_bytes` of it.
    pub connection_credit: u64,
}

impl Limits {
    /// The part of the connection's credit that is kept for requests and responses, in bytes.
    pub fn reserve_bytes(&self) -> u64 {
        u64::from(self.max_frame_bytes).saturating_mul(2)
    }

    /// Longest body that a compressed one may inflate to, in bytes: 65,536, or `max_frame_bytes` if
    /// that is less.
    pub fn inflated_bytes(&self) -> u32 {
        self.max_frame_bytes.min(MAX_INFLATED_BYTES)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 1024 * 1024,
            max_streams: 1024,
            stream_credit: 1024 * 1024,
            connection_credit: 8 * 1024 * 1024,
        }
    }
}

/// A frame that inflates to more would make a peer of few bytes one of many.
const MAX_INFLATED_BYTES: u32 = 64 * 1024;
