//! Settings of sessions.

use std::time::Duration;

use proto::Limits;
use proto::message::Identity;

use crate::auth::{Authentication, Credential};
use crate::compression::CompressionConfig;
use crate::transport::Peer;

/// Settings of sessions, on either side.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Who this side says it is. Default: the name of the executable.
    pub identity: Identity,
    /// What this side takes from its peers.
    pub limits: Limits,
    /// Whether frames carry checksums. Default: [`Checksum::Auto`].
    pub checksum: Checksum,
    /// What is compressed, where, and by what.
    pub compression: CompressionConfig,
    /// Longest body that is collected into one piece, in bytes. Default: 67,108,864.
    ///
    /// Larger data belongs into streams.
    pub max_message_bytes: usize,
    /// Bytes that requests of one connection hold together of bodies and items that came in several
    /// pieces: items until they are whole, a body that is the only one of its request until that is
    /// answered. A request that would exceed it fails with code `busy`; the others go on. Less than
    /// `max_message_bytes` is as much as that. Default: 268,435,456.
    pub max_collected_bytes: usize,
    /// Time that a peer has for its part of the handshake. Default: 2 s.
    pub handshake_timeout: Duration,
    /// Longest time without progress inside a frame that is being received. Default: 30 s.
    pub read_timeout: Duration,
    /// Longest time that a peer takes nothing of what is being sent. Default: 10 s.
    pub write_timeout: Duration,
    /// Silence after which the peer is asked for a sign of life. Default: 15 s.
    pub heartbeat_interval: Duration,
    /// Unanswered questions after which the peer counts as lost. Default: 3.
    pub heartbeat_misses: u32,
    /// Longest time that a handler may take until it gives its answer, or begins its stream.
    /// Default: none; callers say how long they wait.
    pub handler_timeout: Option<Duration>,
    /// Time for handlers on the reader's own task, for each read. Default: 100 microseconds.
    ///
    /// A handler that is done at its first poll costs no task. What exceeds the time is moved to
    /// tasks of its own, from then on at once.
    pub inline_budget: Duration,
    /// Handlers of one connection that may keep threads at once; further ones wait. Default: 64.
    pub max_blocking_handlers: usize,
    /// Encoded bytes that may wait for the socket before new requests have to wait, in bytes.
    /// Default: 262,144.
    pub send_buffer_bytes: usize,
    /// Bytes that may wait on one stream, in bytes. Default: 262,144.
    pub stream_buffer_bytes: usize,
    /// Of a server: what it asks of its clients, and whom it believes. Default: the kernel's word
    /// on local sockets is taken, nothing is asked, and nobody is refused.
    pub authentication: Option<Authentication>,
    /// Of a client: what it proves who it is by, to servers that ask. Default: nothing.
    pub credential: Option<Credential>,
}

/// Whether frames carry checksums. They are left out only if both sides agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// Not where nothing can be corrupted unnoticed (`mem:`, TLS), else yes.
    #[default]
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        let session = proto::Config::default();
        Self {
            identity: own_identity(),
            limits: session.limits,
            checksum: Checksum::Auto,
            compression: CompressionConfig::default(),
            max_message_bytes: 64 * 1024 * 1024,
            max_collected_bytes: 256 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            heartbeat_interval: session.heartbeat_interval,
            heartbeat_misses: session.heartbeat_misses,
            handler_timeout: None,
            inline_budget: Duration::from_micros(100),
            max_blocking_handlers: 64,
            send_buffer_bytes: session.send_buffer_bytes,
            stream_buffer_bytes: session.stream_buffer_bytes,
            authentication: None,
            credential: None,
        }
    }
}

impl Config {
    /// The protocol's part of the settings, for a link to a peer.
    pub(crate) fn protocol(&self, peer: &Peer) -> proto::Config {
        let mut config = proto::Config::default();
        config.identity = self.identity.clone();
        config.limits = self.limits;
        config.unchecked = match self.checksum {
            Checksum::Auto => matches!(peer.transport, "mem" | "tls" | "unix+tls" | "wss"),
            Checksum::On => false,
            Checksum::Off => true,
        };
        config.compression = self.compression.offered(peer);
        config.send_buffer_bytes = self.send_buffer_bytes;
        config.stream_buffer_bytes = self.stream_buffer_bytes;
        config.heartbeat_interval = self.heartbeat_interval;
        config.heartbeat_misses = self.heartbeat_misses;
        config
    }

    /// Bytes that requests of one connection hold together.
    pub(crate) fn collected_bytes(&self) -> usize {
        self.max_collected_bytes.max(self.max_message_bytes)
    }
}

fn own_identity() -> Identity {
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(|path| path.file_name());
    Identity::new(name.unwrap_or_default().to_string_lossy(), "", "")
}
