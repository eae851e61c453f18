//! Links: frames or bytes to one peer, and who that peer is.
//!
//! ```text
//! Address ──► dial ──────┐                ┌─► Reader ─┐
//!                        ├──► Link ───────┤           ├──► the session's driver
//! Address ──► Listener ──┘                └─► Writer ─┘
//! ```
//!
//! A transport knows its peer and no message. Sockets move bytes; `mem:` moves frames by value.

mod config;
mod dial;
mod error;
mod link;
mod listener;
mod memory;
mod peer;
mod socket;
mod tcp;
#[cfg(unix)]
mod unix;

pub use config::{Config, InProcessConfig, TcpConfig, UnixSocketConfig};
pub use error::{DialError, ListenError};
pub use os::{PeerCredentials, User};
pub use peer::Peer;

pub(crate) use dial::dial;
pub(crate) use link::{Link, ReadEvent, Reader, Writer};
pub(crate) use listener::{Listener, admits};
