//! Methods by trait and by name, deadlines, events, and calls in the other direction.
//!
//! # A trait is a service
//!
//! [`#[linkspan::service]`](crate::service) makes two types of a trait. `GreeterServer` turns an
//! implementation into methods for a [`Server`]; `GreeterClient` implements the trait by calling.
//! Code that takes `impl Greeter` works with either.
//!
//! Parameters travel by name. So a service can change without breaking its clients: a new parameter that
//! is an `Option` is `None` when an older client calls, and one that an older server does not know is
//! ignored.
//!
//! # Errors of your own
//!
//! A remote call can fail by itself, so the error of a method has to have a place for [`CallError`].
//! With thiserror that is one variant:
//!
//! ```
//! use linkspan::rpc::{CallError, Server};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
//! enum AccountError {
//!     #[error("there is no account {0}")]
//!     Unknown(u32),
//!     #[error(transparent)]
//!     Call(#[from] CallError),
//! }
//!
//! #[linkspan::service(deadline = "10s")]
//! trait Bank {
//!     /// The money in an account, in cents.
//!     #[linkspan(idempotent)]
//!     async fn balance(&self, account: u32) -> Result<i64, AccountError>;
//! }
//!
//! struct Empty;
//!
//! impl Bank for Empty {
//!     async fn balance(&self, account: u32) -> Result<i64, AccountError> {
//!         Err(AccountError::Unknown(account))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new().service(BankServer::new(Empty)).listen("mem:guide-bank").await?;
//! let bank = BankClient::connect("mem:guide-bank").await?;
//! assert_eq!(bank.balance(7).await, Err(AccountError::Unknown(7)));
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A method that has no error of its own has `CallError` itself.
//!
//! # Deadlines
//!
//! `deadline = "10s"` at the trait or a method is how long its callers wait if they say nothing else.
//! Without one they wait without limit. A method with a parameter of type [`Context`] lets each caller
//! say something else; the parameter is not sent, and the handler finds its own there:
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{CallError, Context, Server};
//!
//! #[linkspan::service(deadline = "10s")]
//! trait Search {
//!     async fn find(&self, cx: Context, text: String) -> Result<u64, CallError>;
//! }
//!
//! struct Millis;
//!
//! impl Search for Millis {
//!     async fn find(&self, cx: Context, _text: String) -> Result<u64, CallError> {
//!         let left = cx.timeout().unwrap_or_default();
//!         Ok(left.as_millis() as u64)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new().service(SearchServer::new(Millis)).listen("mem:guide-search").await?;
//! let search = SearchClient::connect("mem:guide-search").await?;
//! let cx = Context::new().with_timeout(Duration::from_secs(2));
//! assert!(search.find(cx, "x".into()).await? <= 2_000);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A handler that gives its own context to a further call hands on what is left of the deadline, and the
//! metadata (a trace, say). When the time is up both sides stop: the caller gets
//! [`CallError::DeadlineExceeded`], the handler's future is dropped.
//!
//! # Methods by name
//!
//! Not everything has a trait. A closure answers a method, [`Client::send_request`] calls it. Parameters
//! and results are serde types, [`Raw`](crate::codec::Raw) bytes, or protobuf messages with the feature
//! `prost`. Methods of a trait can be called so, too, with a map of their parameters:
//!
//! ```
//! use linkspan::rpc::{CallError, Client, Context, Server};
//! use serde_json::{Value, json};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new()
//!     .method("text.length", async |text: String, _: Context| Ok::<_, CallError>(text.len()))
//!     .on_event("note", async |text: String, _: Context| println!("{text}"))
//!     .listen("mem:guide-by-name")
//!     .await?;
//! let client = Client::connect("mem:guide-by-name").await?;
//! let length: usize = client.send_request("text.length", "four").await?;
//! assert_eq!(length, 4);
//!
//! // Every server lists its methods.
//! let methods: Value = client.send_request("linkspan.methods", &()).await?;
//! assert_eq!(methods[0]["name"], json!("text.length"));
//!
//! // Events are told and not answered.
//! client.send_event("note", "four was counted").await?;
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A generated client on a connection that is used by name as well: make the [`Client`] first, and give
//! a clone to `GreeterClient::new`.
//!
//! # The other direction
//!
//! [`Context::connection`] is the caller's connection: the handler calls the caller, or tells it events,
//! while its own call goes on and afterwards. The client answers with the router that it was given in
//! [`Client::connect_with`]. Calls may nest as deep as `max_streams` allows; none of them blocks the
//! connection. `examples/events.rs` is a program that does it.
//!
//! # Where handlers run
//!
//! Calls of one connection run concurrently. A handler is polled once where its request was read; one
//! that is done then costs no task, one that waits gets a task. A method that computes for long is moved
//! to threads of its own after a few calls, and at once with `#[linkspan(spawn)]`, so it keeps nobody
//! waiting. A panic ends the call, with the code `panicked`, and nothing else.
//!
//! # Without a runtime
//!
//! With the feature `blocking`, `rpc::blocking::Client` has methods that wait on the calling thread:
//! `send_request`, `send_event`, and `send_request_for_items`, whose answer is an iterator. One thread for
//! the whole process moves the bytes. It calls by name, and must not be used on a runtime's own threads.
//! `examples/blocking.rs` is a program that uses it.
//!
//! [`CallError`]: crate::rpc::CallError
//! [`CallError::DeadlineExceeded`]: crate::rpc::CallError::DeadlineExceeded
//! [`Client`]: crate::rpc::Client
//! [`Client::connect_with`]: crate::rpc::Client::connect_with
//! [`Client::send_request`]: crate::rpc::Client::send_request
//! [`Context`]: crate::rpc::Context
//! [`Context::connection`]: crate::rpc::Context::connection
//! [`Server`]: crate::rpc::Server
