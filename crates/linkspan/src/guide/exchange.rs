//! Trading messages with programs that speak frames of length, CRC-32 and protobuf.
//!
//! An exchange is one question and one answer, then the next question. Use it to talk to programs
//! that already do; between programs that are both new, [calls](super::calls) give names, deadlines,
//! streams and errors.
//!
//! # Both sides
//!
//! ```
//! use bytes::Bytes;
//! use linkspan::exchange::{Client, Context, IpcConfig, Server, Variant};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Both sides have to know the variant and the longest message; neither is on the wire.
//! let mut ipc = IpcConfig::default();
//! ipc.crc32_variant = Variant::Castagnoli;
//!
//! let handler = async |question: Bytes, context: Context| {
//!     let answer = format!("{} bytes, number {}", question.len(), context.number);
//!     Ok::<_, Bytes>(Bytes::from(answer))
//! };
//! let serving = Server::new().config(ipc.clone()).handler(handler).listen("mem:count").await?;
//!
//! let client = Client::builder().config(&ipc).endpoint("mem:count").connect().await?;
//! assert_eq!(client.send("hello").await?, "5 bytes, number 1");
//! # serving.stop(std::time::Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `prost`, `Server::message_handler` and `Client::call` take protobuf messages. The
//! program `examples/exchange.rs` shows it, with a schema that is compiled without protoc.
//!
//! **Errors are messages.** The wire has no error frame. A handler's `Err` is sent like its `Ok`; let
//! the answer's type say what it is, as `error` in the example's schema does.
//!
//! **No message is empty.** A protobuf message has no bytes if all its fields have their defaults.
//! Give each a field that never has, such as an id.
//!
//! # What a failure means
//!
//! | the error says | the question was | may be sent again |
//! |---|---|---|
//! | `Question`, `NoEndpoints`, `Address` | never sent, and never will be | after a change |
//! | `Connect`, `Busy`, `Unsent`, `NoPlace`, `Unavailable`, `Expired` | not read by anybody | yes |
//! | `OutcomeUnknown` | perhaps handled | only if that does no harm |
//! | `Answer` | handled; the answer is of another type | no |
//!
//! The client itself sends again what was not read, with pauses, until `request_timeout` is up: a
//! server may start after its clients. What may have been handled it sends again only if you say that
//! this is as good as once:
//!
//! ```no_run
//! # async fn f(client: linkspan::exchange::Client) -> Result<(), linkspan::exchange::ExchangeError> {
//! let answer = client.question("what is there?").idempotent().send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Several servers
//!
//! ```
//! use linkspan::exchange::{Client, ClientConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = ClientConfig::default();
//! config.connections_per_endpoint = 8;
//! let client = Client::builder()
//!     .config(config)
//!     .endpoint("unix:/run/collector/a.sock")
//!     .endpoint("unix:/run/collector/b.sock")
//!     // Asked only while neither of the others takes questions.
//!     .fallback("tcp:127.0.0.1:7000", 1)
//!     .build()?;
//! assert_eq!(client.stats().endpoints.len(), 3);
//! # Ok(())
//! # }
//! ```
//!
//! Each endpoint has a breaker: one that fails is left alone for a second, and tried again with a few
//! questions. [`layer`](crate::layer) tells how endpoints are chosen.
//!
//! # Settings from a file
//!
//! `IpcConfig::load` reads YAML or TOML, with the features of these names.
//!
//! ```yaml
//! ipc:
//!   transport: tokio            # tokio | interprocess | legacy
//!   endpoint_path: /run/linkspan/exchange.sock
//!   max_frame_bytes: 1MiB
//!   accept_timeout_ms: 5000     # to begin the first frame
//!   read_timeout_ms: 30s        # without progress inside a frame
//!   write_timeout_ms: 10s       # without progress of an answer
//!   max_connections: 16
//!   crc32_variant: ieee         # ieee | castagnoli
//! ```
//!
//! Files with the keys alone, or with `ipc.` before each, load as well. The older backend name
//! `ipc-interprocess` means `tokio`; `IpcConfig::notes` says so.
//!
//! # What a peer can do to a server
//!
//! Each connection has one task, at most one question and its answer in memory, and its times;
//! docs/protocol.md, section 11, lists them. A connection that breaks a rule is closed without a frame, counted in
//! [`ExchangeStats`](crate::exchange::ExchangeStats), and harms no other. When all places are taken,
//! the connection that has waited longest for a question goes, if that is longer than
//! `accept_timeout`; otherwise the new one is told when to come back.
