//! Exchanges: one question, one answer, in order, between any two programs that speak the frame of
//! length, CRC-32 and message.
//!
//! ```text
//!  Client ──► endpoints ──► connections of one ══ question ══► Server ──► handler
//!             breakers,     one question at     ◄═ answer ═══   one task for
//!             failover      a time                              each connection
//! ```
//!
//! Messages are bytes, or any two protobuf types with the feature `prost`. The format has neither
//! names nor versions nor errors: what a failure looks like is the application's own message, and
//! both sides know the [`Variant`] of the sum and the longest message beforehand. Programs that are
//! both new are better served by calls, `rpc`.
//!
//! # Examples
//!
//! ```
//! use bytes::Bytes;
//! use linkspan::exchange::{Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upper = async |question: Bytes, _: Context| {
//!     Ok::<_, Bytes>(Bytes::from(question.to_ascii_uppercase()))
//! };
//! let serving = Server::new().handler(upper).listen("mem:upper").await?;
//!
//! let client = Client::connect("mem:upper").await?;
//! assert_eq!(client.send("hello").await?, "HELLO");
//!
//! // One that may be handled twice, and has less time than others.
//! let question = client.question("again").idempotent();
//! let answer = question.timeout(std::time::Duration::from_secs(1)).send().await?;
//! assert_eq!(answer, "AGAIN");
//! # serving.stop(std::time::Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```

mod builder;
mod client;
mod config;
mod conversation;
mod counts;
mod error;
mod framed;
mod handler;
mod listening;
mod metrics;
mod pool;
mod rights;
mod seats;
mod server;
mod talk;
mod wire;

pub use builder::ClientBuilder;
pub use client::{Client, Question};
pub use config::{ClientConfig, IpcConfig, LoadError};
pub use counts::ClientStats;
pub use error::{
    ConnectionError, ExchangeDecodeError, ExchangeEncodeError, ExchangeError, MessageError,
};
pub use handler::Context;
pub use metrics::ExchangeStats;
pub use server::{Server, Serving};
pub use wire::{Capabilities, HEADER_BYTES, Variant, capabilities};

pub use crate::session::StopReport;
