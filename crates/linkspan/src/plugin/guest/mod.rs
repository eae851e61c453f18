//! Programs that are plugins: what a host starts and calls, and what calls its host.
//!
//! ```text
//!   host ══ inherited socket ══ session ──► desk ──► crew ──► handlers, streams, events
//!     ▲                            ▲          │ describe, live, ready: at once
//!     └──── calls, publications, ──┘          ▼
//!           logs, progress          answers, also when every handler is busy
//! ```
//!
//! A plugin is a `main` of one expression: [`Plugin`] takes a service, as [`rpc::Server`] does, and
//! [`run`](Plugin::run) serves the host until it is gone. There is no attribute for `main`: it would
//! save a line and hide what runs.
//!
//! # Examples
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use linkspan::plugin::guest::Plugin;
//! use linkspan::rpc::CallError;
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
//! fn main() -> ExitCode {
//!     let greeter = GreeterServer::new(Polite);
//!     Plugin::new("greeter", env!("CARGO_PKG_VERSION")).service(greeter).run()
//! }
//! ```
//!
//! # Handlers
//!
//! They may block: one that keeps its thread keeps neither the connection nor the others waiting, up
//! to a limit of [threads](Plugin::threads). What they spawn shares one thread of its own. The future
//! of a handler is dropped when its caller gives up; one that blocks is dropped when it comes back.
//!
//! # The host
//!
//! [`Host`] calls it back, as a service that generated clients work on; publishes, logs and says
//! whether the plugin is ready. Events of `tracing` are log records, unless the program has a
//! subscriber of its own; so are panics. [`progress`] says how far a call is. What is printed is
//! logged by the host, too.
//!
//! # The end
//!
//! When the host is gone the process ends within a second, whatever handlers do. A goodbye of the host,
//! and SIGTERM, let handlers finish. ^C is the host's.
//!
//! [`rpc::Server`]: crate::rpc::Server

mod calls;
mod conversation;
mod crew;
mod desk;
mod explain;
mod host;
mod logs;
mod process;
mod program;
mod subscriber;

pub use host::{Host, progress};
pub use program::Plugin;
