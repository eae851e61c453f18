//! Links: frames or bytes to one peer, and who that peer is.
//!
//! ```text
//! Address ──► dial ──────┐                ┌─► Reader ─┐
//!                        ├──► Link ───────┤           ├──► the session's driver
//! Address ──► Listener ──┘                └─► Writer ─┘
//! ```
//!
//! A transport knows its peer and no message. Sockets move bytes, in one of several ways
//! ([`Backend`]), and further transports stand on them (`layer.rs`); between sessions `mem:` moves
//! frames by value.

mod acceptor;
mod backend;
#[cfg(all(unix, feature = "ipc-legacy"))]
mod blocking_queue;
mod bytes;
mod config;
mod connected;
mod dial;
mod durations;
mod error;
mod health;
mod layer;
mod link;
mod listener;
mod memory;
mod openings;
mod peer;
mod queue;
mod rate;
mod read_buffer;
mod tcp;
mod tls;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(feature = "ws")]
mod ws;

#[cfg(unix)]
use unix as local;
#[cfg(windows)]
use windows as local;

pub use backend::{Backend, BackendUnavailable, UnknownBackend};
pub use config::{
    Config, InProcessConfig, NamedPipeConfig, TcpConfig, UnixSocketConfig, WebSocketConfig,
};
pub use connected::Connected;
pub use durations::Percentiles;
pub use error::{DialError, ListenError};
pub use health::{LastError, Totals, TransportHealth};
#[cfg(feature = "plugin-guest")]
pub use os::{Inherited, InheritedError};
pub use os::{PeerCredentials, User};
pub use peer::Peer;
pub use tls::{Pem, Pin, PinError, TlsCipher, TlsConfig, TlsConfigError, TlsError, TlsVersion};

pub(crate) use acceptor::{Acceptor, Front, RETRY_AFTER, Refusal, Serving};
pub(crate) use bytes::ByteLink;
#[cfg(any(feature = "bus", feature = "ws"))]
pub(crate) use bytes::write_all;
#[cfg(any(
    feature = "bus",
    feature = "daemon",
    feature = "exchange",
    feature = "ws"
))]
pub(crate) use bytes::{ByteReader, ByteWriter};
pub(crate) use dial::dial;
#[cfg(any(feature = "daemon", feature = "exchange"))]
pub(crate) use dial::dial_bytes;
pub(crate) use health::Health;
pub(crate) use link::{Link, ReadEvent, Reader, Writer};
pub(crate) use listener::{Listener, admits};
#[cfg(feature = "plugin")]
pub(crate) use local::EndOf;
pub(crate) use peer::ChannelBinding;
pub(crate) use read_buffer::ReadBuffer;
