//! Limits, timeouts and checks around all calls, with tower's layers.
//!
//! A client, a router and everything around them is a `tower_service::Service` from
//! [`Request`](crate::rpc::Request) to [`Response`](crate::rpc::Response). So tower's own layers fit, on
//! either side.
//!
//! # Around a server
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{Context, CallError, Client, Server};
//! use tower::ServiceBuilder;
//! use tower::limit::ConcurrencyLimitLayer;
//! use tower::timeout::TimeoutLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layers = ServiceBuilder::new()
//!     .layer(ConcurrencyLimitLayer::new(16))
//!     .layer(TimeoutLayer::new(Duration::from_millis(20)));
//! let serving = Server::new()
//!     .method("sleep", async |millis: u64, _: Context| {
//!         tokio::time::sleep(Duration::from_millis(millis)).await;
//!         Ok::<_, CallError>(())
//!     })
//!     .layer(layers)
//!     .listen("mem:guide-layers")
//!     .await?;
//! let client = Client::connect("mem:guide-layers").await?;
//! let error = client.send_request::<()>("sleep", &60_000).await.unwrap_err();
//! assert_eq!(error.causes(), ["request timed out"]);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! - Layers see requests of all methods, known or not, and of all addresses and connections of the
//!   server together. They do not see events, nor what flows in streams after the first answer.
//! - [`Server::layer`](crate::rpc::Server::layer) may be called again: the last one added sees a request
//!   first. Layers that look at each other's readiness, as load shedding does at a limit, are given as
//!   one `ServiceBuilder`, whose first layer sees a request first.
//! - A layer's service has to be `Clone`: each request is answered by a clone.
//!
//! # Around a client
//!
//! A generated client is generic over what it calls through:
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{CallError, Client, Server};
//! use tower::ServiceBuilder;
//! use tower::limit::ConcurrencyLimitLayer;
//!
//! #[linkspan::service]
//! trait Clock {
//!     async fn hour(&self) -> Result<u8, CallError>;
//! }
//! # struct Noon;
//! # impl Clock for Noon {
//! #     async fn hour(&self) -> Result<u8, CallError> { Ok(12) }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let serving = Server::new().service(ClockServer::new(Noon)).listen("mem:guide-client").await?;
//! let client = Client::connect("mem:guide-client").await?;
//! let limited = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(4)).service(client);
//! let clock = ClockClient::new(limited);
//! assert_eq!(clock.hour().await?, 12);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A client has deadlines and comes back without any layer; see [`failures`](super::failures) for what it
//! repeats. A layer that retries by itself has to look at
//! [`CallError::is_retryable`](crate::rpc::CallError::is_retryable), or it makes calls run twice.
//!
//! # A check of your own
//!
//! Most checks are a function from a request to a request or an error, for tower's `FilterLayer`. This
//! one lets only principals with the role `admin` call `admin.` methods:
//!
//! ```
//! use linkspan::rpc::{CallError, Client, Context, Request, Server};
//! use linkspan::{Category, Code, Failure};
//! use tower::BoxError;
//! use tower::filter::FilterLayer;
//!
//! fn only_admins(mut request: Request) -> Result<Request, BoxError> {
//!     // `context` takes the metadata out of the request, and the handler needs it, too.
//!     let metadata = request.metadata.clone();
//!     let principal = request.context().principal();
//!     request.metadata = metadata;
//!
//!     let is_admin = principal.roles.iter().any(|role| role == "admin");
//!     if !request.method.starts_with("admin.") || is_admin {
//!         return Ok(request);
//!     }
//!     let message = format!("{} may not call {}", principal.name, request.method);
//!     let failure = Failure::new(Category::Authorization, Code::DENIED, message);
//!     Err(CallError::from(failure).into())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new()
//!     .method("admin.stop", async |(): (), _: Context| Ok::<_, CallError>("stopped"))
//!     .layer(FilterLayer::new(only_admins))
//!     .listen("tcp:127.0.0.1:0") // Where nobody has a role.
//!     .await?;
//! let client = Client::connect(serving.address()).await?;
//! let error = client.send_request::<String>("admin.stop", &()).await.unwrap_err();
//! assert!(error.to_string().ends_with(" may not call admin.stop"));
//! # Ok(())
//! # }
//! ```
//!
//! # Errors of layers
//!
//! | a layer fails with | the caller gets |
//! |---|---|
//! | a [`CallError`](crate::rpc::CallError), boxed or not | the same failure |
//! | anything else | [`Failed`](crate::rpc::CallError::Failed) with the code `rejected` and the error among its causes |
