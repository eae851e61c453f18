//! Many values, in either direction.
//!
//! # Four shapes
//!
//! [`Streaming<T>`](crate::rpc::Streaming) as the last parameter takes a stream from the caller; as the
//! result it gives one. Both together make a conversation.
//!
//! ```
//! use linkspan::rpc::{CallError, Server, Streaming};
//!
//! #[linkspan::service]
//! trait Numbers {
//!     async fn square(&self, number: u64) -> Result<u64, CallError>;
//!     async fn count(&self, upto: u64) -> Result<Streaming<u64>, CallError>;
//!     async fn sum(&self, numbers: Streaming<u64>) -> Result<u64, CallError>;
//!     async fn double(&self, numbers: Streaming<u64>) -> Result<Streaming<u64>, CallError>;
//! }
//!
//! struct Machine;
//!
//! impl Numbers for Machine {
//!     async fn square(&self, number: u64) -> Result<u64, CallError> {
//!         Ok(number * number)
//!     }
//!
//!     // Of values that are there, or that an iterator makes.
//!     async fn count(&self, upto: u64) -> Result<Streaming<u64>, CallError> {
//!         Ok(Streaming::from_values(1..=upto))
//!     }
//!
//!     // Read one by one.
//!     async fn sum(&self, mut numbers: Streaming<u64>) -> Result<u64, CallError> {
//!         let mut sum = 0;
//!         while let Some(number) = numbers.next().await {
//!             sum += number?;
//!         }
//!         Ok(sum)
//!     }
//!
//!     // Filled by a task.
//!     async fn double(&self, mut numbers: Streaming<u64>) -> Result<Streaming<u64>, CallError> {
//!         let (sender, doubled) = Streaming::channel(16);
//!         tokio::spawn(async move {
//!             while let Some(number) = numbers.next().await {
//!                 if sender.send(number.map(|number| 2 * number)).await.is_err() {
//!                     return; // The reader has left.
//!                 }
//!             }
//!         });
//!         Ok(doubled)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new().service(NumbersServer::new(Machine)).listen("mem:guide-numbers").await?;
//! let numbers = NumbersClient::connect("mem:guide-numbers").await?;
//!
//! assert_eq!(numbers.count(3).await?.collect().await?, [1, 2, 3]);
//! assert_eq!(numbers.sum(Streaming::from_values([1, 2, 3])).await?, 6);
//!
//! let (sender, questions) = Streaming::channel(1);
//! let mut doubled = numbers.double(questions).await?;
//! sender.send(Ok(21)).await?;
//! assert_eq!(doubled.next().await, Some(Ok(42)));
//! drop(sender);
//! assert_eq!(doubled.next().await, None);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! Any `futures_core::Stream` becomes one by [`Streaming::new`](crate::rpc::Streaming::new), and a
//! `Streaming` is such a stream, so the adapters of other crates fit.
//!
//! # Backpressure
//!
//! Nothing is dropped and nothing grows without limit: who sends faster than the other reads, waits.
//!
//! | what waits where | limit |
//! |---|---|
//! | values in a [`channel`](crate::rpc::Streaming::channel) | its capacity, in values |
//! | bytes that the sender has encoded | [`stream_buffer_bytes`](crate::session::Config::stream_buffer_bytes) |
//! | bytes that the receiver has not read | [`stream_credit`](crate::Limits::stream_credit) on each stream, [`connection_credit`](crate::Limits::connection_credit) on all |
//!
//! Credit goes back to the sender when the program has read an item. A stream that nobody reads stops
//! itself only: a part of the connection's credit is kept for requests and answers, and streams that are
//! sent at once take turns, so small calls pass beside them.
//!
//! # Ends
//!
//! | what happens | what the other side sees |
//! |---|---|
//! | all senders of a channel are dropped, or the iterator ends | `None` after the last item |
//! | an `Err` is sent | that error, and then `None`: an error is the last thing in a stream |
//! | the reader drops the stream | sending fails, the stream that was given is dropped |
//! | the deadline passes | [`CallError::DeadlineExceeded`](crate::rpc::CallError::DeadlineExceeded) on both sides |
//! | the connection is lost | [`CallError::OutcomeUnknown`](crate::rpc::CallError::OutcomeUnknown) |
//!
//! The deadline of a call covers its streams to their end, so a method that streams for ever has none.
//! A handler may answer before it has read all that comes; the rest is then not wanted, and the caller's
//! sender fails.
//!
//! A call with a stream from the caller is never repeated by itself, as a stream cannot be read twice.
//!
//! # Errors in a stream
//!
//! `Streaming<T>` is `Streaming<T, CallError>`. With an error of your own, items can fail with it, as in
//! `examples/streams.rs`:
//!
//! ```
//! # use linkspan::rpc::{CallError, Streaming};
//! # #[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
//! # enum ReadError {
//! #     #[error("line {0} is too long")]
//! #     TooLong(u64),
//! #     #[error(transparent)]
//! #     Call(#[from] CallError),
//! # }
//! #[linkspan::service]
//! trait Log {
//!     /// Lines from now on; the outer error is that the log cannot be opened.
//!     async fn follow(&self) -> Result<Streaming<String, ReadError>, ReadError>;
//! }
//! # fn main() {}
//! ```
//!
//! # Large bodies
//!
//! A unary body is collected in memory, up to
//! [`max_message_bytes`](crate::session::Config::max_message_bytes). What is larger belongs into a stream
//! of pieces of some 64 KiB; [`Router::raw_method`](crate::rpc::Router::raw_method) takes and gives bytes
//! without encoding them.
