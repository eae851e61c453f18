//! Calls: typed by a trait, or by a method's name; one answer, or streams in either direction.
//!
//! ```text
//!   GreeterClient ──► Client ══ connection ══ Server ──► Router ──► impl Greeter
//!        └──────── the same trait, the same tower::Service boundary ───────┘
//! ```
//!
//! A client and a router are both a `tower_service::Service<Request, Response = Response>`, so
//! tower's layers fit on either side, and a generated client works on a router as it does on a
//! connection.
//!
//! # Examples
//!
//! ```
//! use linkspan::rpc::{CallError, Server};
//!
//! #[linkspan::service]
//! trait Greeter {
//!     /// Greets somebody.
//!     async fn greet(&self, name: String) -> Result<String, CallError>;
//! }
//!
//! struct Polite;
//!
//! impl Greeter for Polite {
//!     async fn greet(&self, name: String) -> Result<String, CallError> {
//!         Ok(format!("Hello, {name}!"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new().service(GreeterServer::new(Polite)).listen("mem:greeter").await?;
//! let client = GreeterClient::connect("mem:greeter").await?;
//! assert_eq!(client.greet("Ada".into()).await?, "Hello, Ada!");
//! # serving.stop(std::time::Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```

mod client;
#[doc(hidden)]
pub mod codegen;
mod config;
mod guarded;
mod handler;
mod layered;
mod router;
#[cfg(feature = "seal")]
mod sealed;
mod server;
mod streaming;
mod uncompressed;
mod usage;
mod wire;

#[cfg(feature = "blocking")]
pub mod blocking;

pub use client::{Calling, Client};
pub use config::{ClientConfig, ServerConfig};
pub use handler::Handle;
pub use layered::BoxService;
pub use router::Router;
#[cfg(feature = "seal")]
pub use sealed::Sealed;
pub use server::{Server, Serving};
pub use streaming::{StreamSender, Streaming, Unread};
pub use wire::{JsonSchema, MethodInfo, ParameterInfo, Shape};

#[cfg(feature = "plugin")]
pub(crate) use guarded::Guarded;

pub use crate::session::{
    Body, CallError, Cancellation, ConnectError, Connection, Context, Disconnected, Event, Items,
    ListenerStats, ReconnectConfig, Request, Response, StopReport,
};
