//! What crosses the boundary: frames of length, CRC-32 and message (docs/protocol.md, section 17).

use std::time::Duration;

use crate::exchange::IpcConfig;
use crate::transport::Backend;

pub use proto::frame::crc32::{HEADER_BYTES, Variant};

/// What this build can exchange, and within which limits if nothing else is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Version of the program's library.
    pub version: &'static str,
    /// Sums that it computes.
    pub crc32_variants: Vec<Variant>,
    /// Backends of local sockets that are built in.
    pub backends: Vec<Backend>,
    /// Longest message, in bytes.
    pub max_frame_bytes: u32,
    /// Connections that a server has at once.
    pub max_connections: usize,
    /// Time for a new connection to begin its first frame.
    pub accept_timeout: Duration,
    /// Time without progress of a frame that was begun.
    pub read_timeout: Duration,
    /// Time in which a peer takes nothing of an answer.
    pub write_timeout: Duration,
}

/// Says what this build can exchange; needs no server.
pub fn capabilities() -> Capabilities {
    let defaults = IpcConfig::default();
    let is_built = |backend: &Backend| backend.check().is_ok();
    Capabilities {
        version: env!("CARGO_PKG_VERSION"),
        crc32_variants: Variant::ALL.to_vec(),
        backends: Backend::ALL.into_iter().filter(is_built).collect(),
        max_frame_bytes: defaults.max_frame_bytes,
        max_connections: defaults.max_connections,
        accept_timeout: defaults.accept_timeout,
        read_timeout: defaults.read_timeout,
        write_timeout: defaults.write_timeout,
    }
}
