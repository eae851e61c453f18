//! Settings of servers and clients.

mod client;
mod keys;
mod load;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::Address;
use crate::exchange::Variant;
use crate::transport::Backend;

pub use client::ClientConfig;
pub use load::LoadError;

/// Settings of exchanges, with the names that they have in configuration files.
///
/// Both sides have to agree on `crc32_variant`, and should on `max_frame_bytes`; the other settings
/// concern one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpcConfig {
    /// By what means local sockets are read and written. Default: tokio.
    pub transport: Backend,
    /// Where the server listens: a path, or any address. Default: none; programs name one
    /// themselves.
    pub endpoint_path: Option<Address>,
    /// Longest message, in bytes, in either direction; headers are not counted. Default: 1 MiB. A
    /// connection keeps one question and its answer at most, and takes memory as bytes arrive: a
    /// header alone makes it take 256 KiB, or what the longest message before took.
    pub max_frame_bytes: u32,
    /// Time for a new connection to begin its first frame. Also how long a connection is left alone
    /// that waits for a question, when its place is needed. Default: 5 s; in files
    /// `accept_timeout_ms`.
    pub accept_timeout: Duration,
    /// Time in which a frame that was begun makes no progress; the whole frame has four times as
    /// long. Default: 30 s; in files `read_timeout_ms`.
    pub read_timeout: Duration,
    /// Time in which the peer takes nothing of a frame; the whole frame has four times as long.
    /// Default: 10 s; in files `write_timeout_ms`.
    pub write_timeout: Duration,
    /// Connections that a listener has at once; further ones are told to come again later. It holds
    /// for every transport. Default: 16.
    pub max_connections: usize,
    /// Which CRC-32 protects the messages. Default: IEEE.
    pub crc32_variant: Variant,
    notes: Vec<String>,
}

impl IpcConfig {
    /// What whoever reads the configuration's log should know: older names that were understood.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Default for IpcConfig {
    fn default() -> Self {
        Self {
            transport: Backend::default(),
            endpoint_path: None,
            max_frame_bytes: 1024 * 1024,
            accept_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            max_connections: 16,
            crc32_variant: Variant::default(),
            notes: Vec::new(),
        }
    }
}
