//! Commands whose work is done by a process that stays.
//!
//! A program's command line is a thin client: it sends what it was called with to its daemon, copies
//! streams, and ends as the command ended.
//!
//! ```text
//!  terminal ──► client ── command, stdin, cancel, resize ──► daemon ──► handler
//!           ◄──        ◄── accepted, stdout, stderr, exit ──        ◄──
//! ```
//!
//! [`Program`] is all that in one call: client, daemon, and `--daemon status` and its relatives.
//! [`DaemonClient`] and [`DaemonServer`] are its parts. The daemon is started when it is needed, one
//! for each [`DaemonId`], and replaced when the program was rebuilt; the manual page
//! [`guide::daemons`](crate::guide::daemons) tells how.
//!
//! What both say to each other is in [`wire`]; docs/protocol.md, section 18, describes it for peers
//! in other languages.
//!
//! ```
//! use linkspan::daemon::wire::{Role, VersionCheck};
//!
//! let client = VersionCheck::new(Role::Client, "spell", "b7");
//! let daemon = VersionCheck::new(Role::Daemon, "spell", "b6");
//! // Other builds understand each other; whether they want to is not the protocol's matter.
//! assert_eq!(client.agree(&daemon).map(|agreed| agreed.version), Some(1));
//! ```

mod cancellation;
mod client;
mod command;
mod config;
mod connection;
mod control;
mod conversation;
mod core;
mod ending;
mod entry;
mod error;
mod facts;
mod front;
mod handler;
mod input;
mod lifecycle;
mod metrics;
mod outlet;
mod output;
mod recent;
mod rights;
mod running;
mod server;
mod startup;
mod stdin;
mod terminal;
mod thread;
pub mod wire;

pub use cancellation::{CancelCause, Cancellation};
pub use client::{
    ClientError, CommandOutput, DaemonClient, DaemonClientBuilder, Finished, Invocation, Lost,
};
pub use command::{Command, Signals};
pub use config::Config;
pub use ending::{EndReason, Ending, StopReport};
pub use entry::Program;
pub use error::{ConfigError, DelimitedDecodeError, DelimitedEncodeError, ServeError};
pub use handler::{CommandHandler, ExitCode};
pub use lifecycle::{
    Build, BuildPolicy, DaemonEntry, DaemonId, DaemonIdError, Force, LastRun, LifecycleConfig,
    Listing, LogReader, PlaceError, StartError, StopError, Stopped, emit_build_timestamp, list,
};
pub use metrics::DaemonStats;
pub use output::Output;
pub use server::{DaemonServer, Serving};
pub use startup::StartupReason;
pub use stdin::Stdin;
pub use terminal::Terminal;
