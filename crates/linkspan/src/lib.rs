//! A toolkit for programs made of several processes: typed calls, streams and events over the
//! fastest safe transport that there is between the two ends.
//!
//! A server has methods, by a trait or by name. A client calls them on one connection that many
//! calls and streams share, in both directions: the server may call its clients, too. The transport
//! is a matter of the address: in-process queues (`mem:`), Unix sockets (`unix:`) or TCP (`tcp:`).
//!
//! # Quick start
//!
//! ```
//! use linkspan::rpc::{CallError, Server};
//!
//! #[linkspan::service(deadline = "5s")]
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
//! # let directory = tempfile::tempdir()?;
//! # let address = linkspan::Address::Unix(directory.path().join("greeter.sock"));
//! # let address = &address;
//! // In one process; `address` is "unix:/run/user/1000/greeter.sock", say.
//! let server = Server::new().service(GreeterServer::new(Polite));
//! let serving = server.listen(address).await?;
//!
//! // In another.
//! let greeter = GreeterClient::connect(address).await?;
//! assert_eq!(greeter.greet("Ada".into()).await?, "Hello, Ada!");
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! Everything runs on tokio; a client without a runtime is `rpc::blocking`. The manual is in
//! [`guide`], programs of two processes are in the directory `examples` of this crate.
//!
//! # Modules
//!
//! | module | what it is for |
//! |---|---|
//! | [`rpc`] | servers, clients, services, streams: what most programs name |
//! | `bus` | publish, subscribe, send and call through a broker; behind its feature |
//! | `daemon` | commands whose work is done by a process that stays; behind its feature |
//! | `exchange` | one question, one answer, in frames that other programs speak; behind its feature |
//! | `plugin` | programs of others, verified, confined, watched and called; behind its feature |
//! | [`codec`] | encodings of bodies, for bodies that no trait describes |
//! | [`compression`] | what is compressed, where, and by what |
//! | [`transport`] | settings of transports, and who is at the other end |
//! | [`session`] | settings of connections: limits, times, checksums |
//! | [`auth`] | who peers are, how that is proved, and for how long |
//! | [`layer`] | several endpoints as one, breakers, repeats: what clients do about servers that fail |
//! | [`guide`] | the manual: one page for each question, every example compiles |
//!
//! At the root are addresses, the vocabulary of failures ([`Blame`], [`Category`], [`Code`],
//! [`Failure`]) and the macro [`service`].
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rpc` | yes | calls, streams and events |
//! | `macros` | yes | [`service`]: clients and servers from a trait |
//! | `auth` | | API keys, launch tokens and JWTs, for both sides |
//! | `policy` | | conditions on what principals may do, in the language Cedar: `auth::policy` |
//! | `bus` | | a broker, for clients of BUS/RT, too, and clients of it |
//! | `daemon` | | command lines whose work is done by a daemon that starts itself |
//! | `exchange` | | servers and clients of frames of length, CRC-32 and message |
//! | `plugin` | | hosts of plugins, and what finds and verifies them |
//! | `plugin-guest` | | `plugin::guest`: programs that are plugins |
//! | `blocking` | | `rpc::blocking`: a client for programs without a runtime |
//! | `prost` | | `codec::Protobuf`: protobuf messages as bodies |
//! | `lz4`, `zstd` | | bodies that are compressed: [`compression`] |
//! | `seal` | | bodies that only those read who have the key: `auth::seal` |
//! | `tls` | | `tls:`, `unix+tls:` and, with `ws`, `wss:` |
//! | `ws` | | `ws:`, for what cannot do anything else, as web pages |
//! | `validation` | | JSON Schemas of what is published on the bus |
//! | `yaml`, `toml` | | settings of exchanges from configuration files |
//! | `schema` | | JSON Schemas of parameters and results, for those who list the methods |
//!
//! A feature only adds; none changes what another does.
//!
//! # Choosing an address
//!
//! | the two ends are | address |
//! |---|---|
//! | in one process | `mem:NAME` |
//! | on one machine | `unix:PATH`: the kernel tells each side who the other is, and only this user gets in |
//! | on one machine, and a client cannot use Unix sockets | `tcp:127.0.0.1:PORT`: every user of the machine gets in |
//! | on two machines | `tls:HOST:PORT` (feature `tls`), with a certificate on each side |
//!
//! [`Address::choose`] says the same to programs, `linkspan transport recommend` to people;
//! [`guide::addresses`] tells the rest.
//!
//! # Promises
//!
//! They hold on every transport.
//!
//! - **Order.** Items of a stream arrive in the order in which they were sent. Events of a connection
//!   are handled one after the other, in their order. Calls run concurrently, and beside events.
//! - **At most once.** A request is handled once or not at all. After a lost connection only two
//!   sorts are sent again by themselves: those that the server certainly never looked at, and those
//!   that are declared idempotent. The others fail with [`rpc::CallError::OutcomeUnknown`].
//! - **Cancelling.** A dropped call drops its handler's future and fires its
//!   [`Cancellation`](rpc::Cancellation); so do a passed deadline and a lost connection. A reader that
//!   drops its stream stops the sender.
//! - **Deadlines** travel with the call as the time that is left, and end both sides.
//! - **Limits.** Every queue is bounded: who sends faster than the other reads, waits. A peer can make
//!   us neither panic nor take memory without limit.
//! - **Failures** say who has to change something, whether trying again may help, and when:
//!   [`guide::failures`].
#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "rpc")]
pub mod auth;
#[cfg(feature = "bus")]
pub mod bus;
#[cfg(feature = "rpc")]
mod clock;
pub mod codec;
#[cfg(feature = "rpc")]
pub mod compression;
#[cfg(feature = "rpc")]
mod counter;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "exchange")]
pub mod exchange;
#[cfg(feature = "rpc")]
pub mod guide;
#[cfg(feature = "rpc")]
pub mod layer;
#[cfg(feature = "rpc")]
mod pace;
#[cfg(feature = "plugin-guest")]
pub mod plugin;
#[cfg(feature = "rpc")]
mod rotation;
#[cfg(feature = "rpc")]
pub mod rpc;
#[cfg(feature = "rpc")]
pub mod session;
#[cfg(any(feature = "daemon", feature = "plugin-guest"))]
mod signals;
#[cfg(feature = "plugin")]
#[doc(hidden)]
pub mod source;
#[cfg(feature = "rpc")]
pub mod transport;
#[cfg(any(feature = "daemon", feature = "exchange", feature = "plugin"))]
#[doc(hidden)]
pub mod units;

pub use address::{Address, AddressError, Advice, Facts, HostPath, HostPort, Platform, Verdict};
pub use proto::Limits;

#[cfg(feature = "macros")]
pub use linkspan_macros::service;
pub use proto::error::{Blame, Category, Code};
pub use proto::message::{Failure, Identity, Metadata, Status, Usage};

/// The documents that stand beside the code, so that their examples are compiled, too.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/guide/rpc.md")]
    struct RpcGuide;

    #[cfg(all(feature = "exchange", feature = "prost"))]
    #[doc = include_str!("../../../docs/guide/exchange.md")]
    struct ExchangeGuide;

    #[cfg(feature = "daemon")]
    #[doc = include_str!("../../../docs/guide/daemon.md")]
    struct DaemonGuide;

    #[cfg(all(feature = "bus", feature = "seal"))]
    #[doc = include_str!("../../../docs/guide/bus.md")]
    struct BusGuide;

    #[doc = include_str!("../../../docs/guide/rights.md")]
    struct RightsGuide;

    #[cfg(feature = "plugin")]
    #[doc = include_str!("../../../docs/guide/plugins.md")]
    struct PluginsGuide;

    #[doc = include_str!("../../../docs/guide/node.md")]
    struct NodeGuide;
}
