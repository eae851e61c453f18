//! The session: a state machine in two halves that are told what happened and asked what to do.
//!
//! ```text
//!             Handshake ──► Agreement
//!                           │        │
//!   frames ──► Recv ────────┘        └──────── Send ──► Transmit (segments or frames)
//!               │                               ▲
//!               └── Incoming ──► the driver ────┘ apply(&incoming)
//! ```
//!
//! [`Recv`] belongs to whoever reads: it checks the order of frames and turns each into an
//! [`Incoming`]. [`Send`] belongs to all who write: it owns the streams, the credit of both
//! directions, the schedule and the heartbeat. The driver shows every [`Incoming`] to
//! [`Send::apply`], so the halves share nothing and need no common lock.
//!
//! [`Session`] joins both for tests, simulations and programs that need no parallelism.

mod agreement;
mod apply;
mod close;
mod credit;
mod handshake;
mod incoming;
mod joined;
mod keepalive;
mod outbox;
mod push;
mod recv;
mod schedule;
mod send;
mod stats;
mod streams;
mod transcript;

pub use agreement::Agreement;
pub use close::{Closed, Fate};
pub use handshake::{Claim, Handshake};
pub use incoming::Incoming;
pub use joined::{EndError, Session};
pub use outbox::Transmit;
pub use push::After;
pub use recv::Recv;
pub use send::Send;
pub use stats::Stats;
pub use streams::Piece;
pub use transcript::Transcript;
