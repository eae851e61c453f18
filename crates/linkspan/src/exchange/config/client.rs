//! Settings of clients.

use std::time::Duration;

use crate::exchange::{IpcConfig, Variant};
use crate::layer::{BackoffConfig, BalanceConfig};
use crate::transport;

/// Settings of a client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Longest message, in bytes, in either direction. Default: 1 MiB.
    pub max_frame_bytes: u32,
    /// Which CRC-32 protects the messages; the server's. Default: IEEE.
    pub crc32_variant: Variant,
    /// Connections to each endpoint, each with one question at a time; further questions wait.
    /// Default: 4.
    pub connections_per_endpoint: usize,
    /// Time for a connection to come about. Default: 3 s.
    pub connect_timeout: Duration,
    /// Time for an endpoint to begin its answer, from the question on. Default: 10 s. Only an
    /// idempotent question goes to another endpoint then.
    pub answer_timeout: Duration,
    /// Time for a question, all attempts and pauses included. Default: 30 s.
    pub request_timeout: Duration,
    /// Time in which an answer that was begun makes no progress; the whole answer has four times as
    /// long, but not longer than the question. Default: 30 s.
    pub read_timeout: Duration,
    /// Time in which the server takes nothing of a question; the whole question has four times as
    /// long. Default: 10 s.
    pub write_timeout: Duration,
    /// Pauses between attempts, and how many there are. Default: from 5 ms to 1 s, until
    /// `request_timeout`.
    pub backoff: BackoffConfig,
    /// When an endpoint is left alone, and how many repeats there may be of questions that may have
    /// been handled. Default: breakers open for 1 s, other values as in [`BalanceConfig`].
    pub balance: BalanceConfig,
    /// Settings of transports: the backend, and which servers are trusted.
    pub transport: transport::Config,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::from(&IpcConfig::default())
    }
}

/// Takes over what concerns clients, too.
impl From<&IpcConfig> for ClientConfig {
    fn from(ipc: &IpcConfig) -> Self {
        let mut balance = BalanceConfig::default();
        // A server that is started again is found soon; until then attempts are cheap.
        balance.breaker.open_for = Duration::from_secs(1);
        let mut transport = transport::Config::default();
        transport.backend = ipc.transport;
        Self {
            max_frame_bytes: ipc.max_frame_bytes,
            crc32_variant: ipc.crc32_variant,
            connections_per_endpoint: 4,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            read_timeout: ipc.read_timeout,
            write_timeout: ipc.write_timeout,
            backoff: BackoffConfig::default(),
            balance,
            transport,
        }
    }
}
