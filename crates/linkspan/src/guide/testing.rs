//! Testing services without processes and without waiting.
//!
//! Code that takes `impl Greeter` can be tested on four levels; each adds something.
//!
//! | level | what is real |
//! |---|---|
//! | the implementation itself | your code |
//! | a router | and names, encodings, errors, layers |
//! | `mem:` | and the connection: deadlines, cancelling, limits, streams, calls back |
//! | `unix:` in a directory for the test | and sockets, permissions, peers |
//!
//! ```
//! use linkspan::rpc::{CallError, Router, Server};
//!
//! #[linkspan::service]
//! trait Greeter {
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
//! /// What every greeter has to do.
//! async fn check(greeter: impl Greeter) {
//!     assert_eq!(greeter.greet("Ada".into()).await.unwrap(), "Hello, Ada!");
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! check(Polite).await;
//!
//! // A router answers without any connection.
//! let router = Router::from(GreeterServer::new(Polite));
//! check(GreeterClient::new(router)).await;
//!
//! let serving = Server::new().service(GreeterServer::new(Polite)).listen("mem:guide-test").await?;
//! check(GreeterClient::connect(serving.address()).await?).await;
//!
//! let directory = tempfile::tempdir()?;
//! let address = linkspan::Address::Unix(directory.path().join("test.sock"));
//! let serving = Server::new().service(GreeterServer::new(Polite)).listen(&address).await?;
//! check(GreeterClient::connect(serving.address()).await?).await;
//! # Ok(())
//! # }
//! ```
//!
//! - Names of `mem:` are the process's: give each test one of its own, as tests run at once. A socket in a
//!   directory of the test's own, and `tcp:127.0.0.1:0`, cannot clash.
//! - Without a connection a handler's [`Context`](crate::rpc::Context) has no peer: its principal is
//!   anonymous, and there is nobody to call back. Nothing limits the time there, either: it is the
//!   connection that keeps deadlines.
//!
//! # Time
//!
//! Linkspan looks at tokio's clock, so tests with a paused clock wait for nothing. With `test-util`:
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{CallError, Client, Context, Request, Server};
//!
//! // In a test: #[tokio::test(start_paused = true)].
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
//! # runtime?.block_on(async {
//! let serving = Server::new()
//!     .method("for-ever", async |(): (), _: Context| {
//!         std::future::pending::<Result<(), CallError>>().await
//!     })
//!     .listen("mem:guide-time")
//!     .await?;
//! let client = Client::connect("mem:guide-time").await?;
//! let mut request = Request::new("for-ever", "");
//! request.timeout = Some(Duration::from_secs(3600));
//! // An hour later, at once.
//! assert_eq!(client.call(request).await.unwrap_err(), CallError::DeadlineExceeded);
//! # drop(serving);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Use `mem:` for that: a paused clock runs ahead while a socket's bytes are on their way.
//!
//! # Failures
//!
//! | to see | do |
//! |---|---|
//! | a lost connection | drop the [`Serving`](crate::rpc::Serving) while a call is under way |
//! | a restart | stop it, and listen at the same address again: the client comes back |
//! | a stuck server | a handler that is `std::future::pending()` |
//! | a slow reader | a stream that is not read: the sender waits |
//! | a panic | `panic!` in a handler: the call fails with the code `panicked`, the test goes on |
//!
//! ```
//! use linkspan::rpc::{CallError, Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = || {
//!     let count = async |(): (), _: Context| Ok::<_, CallError>(1);
//!     Server::new().method("count", count).listen("mem:guide-restart")
//! };
//! let serving = server().await?;
//! let client = Client::connect("mem:guide-restart").await?;
//! serving.stop(std::time::Duration::ZERO).await;
//!
//! let serving = server().await?;
//! assert_eq!(client.send_request::<i32>("count", &()).await?, 1);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
