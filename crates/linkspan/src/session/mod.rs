//! Sessions over real links: the only place where frames meet sockets.
//!
//! ```text
//!   callers ──► Shared { Send } ──► writer ─┐
//!                  ▲                        ├── link ── peer
//!   handlers ◄── Driver { Recv } ◄─ reader ─┘
//! ```
//!
//! The driver owns the receiving half of the protocol and runs as one task per connection. The
//! sending half stands behind one short lock, which is never held across an await or a system call;
//! whoever has something to send encodes it under the lock and, if nobody else is writing, writes it
//! from its own task. What piles up meanwhile leaves in one write.

mod accept;
mod body;
mod budget;
mod config;
mod connect;
mod connection;
mod context;
mod dispatch;
mod driver;
mod error;
mod following;
mod gather;
mod handler;
mod inbox;
mod input;
mod lane;
mod message;
mod offload;
mod open;
mod outlet;
mod packing;
mod phase;
mod pieces;
mod proving;
mod reconnect;
mod renewal;
mod report;
mod room;
mod settle;
mod shared;
mod slot;
mod work;
mod writing;

pub use body::{Body, Items};
pub use config::{Checksum, Config};
pub use connection::{Connection, ConnectionStats};
pub use context::{Cancellation, Context};
pub use error::{CallError, ConnectError, Disconnected};
pub use message::{Event, Request, Response};
pub use packing::CompressionStats;
pub use reconnect::ReconnectConfig;

pub use proto::error::{HandshakeError, SessionError};
pub use proto::message::Text;
pub use proto::session::Stats;
pub use report::{ListenerStats, StopReport};

pub(crate) use accept::{Acceptor, Sessions};
pub(crate) use connection::Answer;
pub(crate) use handler::{BoxFuture, Handler, Method, Placement};
#[cfg(feature = "bus")]
pub(crate) use handler::{Panicked, caught, poll_caught};
#[cfg(any(feature = "bus", feature = "seal"))]
pub(crate) use message::codec_of;
pub(crate) use reconnect::{Reconnecting, Target};
