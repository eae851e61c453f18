//! The wire protocol of Linkspan: frames, messages and sessions, without any I/O.
//!
//! This crate reads no clock, takes no lock, spawns nothing and knows no socket. It is told what
//! happened (`handle_*`, [`apply`](session::Send::apply)), it is asked what to do (`poll_*`), and
//! time and randomness come in as arguments. The specification is `docs/protocol.md`; comments cite
//! its sections.
//!
//! | module | holds |
//! |---|---|
//! | [`frame`] | the header, flags and kinds, and encoding |
//! | [`message`] | what frames say, one type for each kind |
//! | [`Decoder`] | bytes to frames, limited before anything is allocated |
//! | [`session`] | opening, streams, credit, fairness, deadlines, heartbeats, the end |
//! | [`topic`] | topics and masks of the bus, and the masks that stand for a topic |
//! | [`error`] | what can go wrong, and who is to blame |
//!
//! # The one loop
//!
//! Every driver does the same: feed what was received, act on what it means, send what there is to
//! send, and come back when the time says so. Here two sessions are driven by a `for` loop instead
//! of two sockets.
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::{Bytes, BytesMut};
//! use linkspan_proto::message::{Request, Response, Status};
//! use linkspan_proto::session::{EndError, Incoming, Session};
//! use linkspan_proto::{Config, Role};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client: Session = Session::new(Role::Client, Config::default(), [1; 32]);
//! let mut server: Session = Session::new(Role::Server, Config::default(), [2; 32]);
//! let now = Instant::now();
//!
//! let mut answer = None;
//! for step in 0..4 {
//!     if step == 1 {
//!         // The handshake is through: ask.
//!         client.send()?.open(now, Request::new("greet", Bytes::from("Ada")), true)?;
//!     }
//!     exchange(&mut client, &mut server, now)?;
//!     while let Some(incoming) = server.poll_incoming() {
//!         if let Incoming::Request { stream, request, .. } = incoming {
//!             let body = [b"Hello, ", &request.body[..]].concat();
//!             server.send()?.respond(stream, Response::new(Status::Ok, body.into()), true)?;
//!         }
//!     }
//!     exchange(&mut server, &mut client, now)?;
//!     while let Some(incoming) = client.poll_incoming() {
//!         if let Incoming::Response { response, .. } = incoming {
//!             answer = Some(response.body);
//!         }
//!     }
//! }
//! assert_eq!(answer.as_deref(), Some(&b"Hello, Ada"[..]));
//!
//! /// A transport in one line.
//! fn exchange(from: &mut Session, to: &mut Session, now: Instant) -> Result<(), EndError> {
//!     let mut wire = Vec::new();
//!     from.poll_transmit(&mut wire);
//!     to.handle_bytes(now, &mut BytesMut::from(&wire[..]))
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::arithmetic_side_effects)]

mod codec;
mod config;
pub mod error;
pub mod frame;
pub mod message;
pub mod session;
mod stream_id;
pub mod topic;

pub use codec::Decoder;
pub use config::{Config, Limits};
pub use stream_id::{Role, StreamId};
