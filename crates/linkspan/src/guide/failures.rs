//! What went wrong, what to do, and what was repeated already.
//!
//! Every error answers three questions: `blame()`, who has to change something; `is_retryable()`, whether
//! the same may succeed later without harm; and its text, which names the thing, its value and the limit.
//!
//! # A call failed
//!
//! [`CallError`], by [`code`](CallError::code):
//!
//! | variant | what happened | what to do | repeated by itself |
//! |---|---|---|---|
//! | [`NotAccepted`](CallError::NotAccepted) | the server certainly did not look at the request: no connection, or it was stopping | try again, after `retry_after` if it is given | yes, until the deadline, or for [`patience`](crate::rpc::ReconnectConfig::patience) (30 s) without one |
//! | [`OutcomeUnknown`](CallError::OutcomeUnknown) | the connection was lost after the request was sent | find out, or declare the method `idempotent` | only if it is idempotent |
//! | [`DeadlineExceeded`](CallError::DeadlineExceeded) | the time was up; the handler was dropped | give more time, or less work | no |
//! | [`Application`](CallError::Application) | the method gave its own error, and the caller does not know its type | decode the payload; a generated client has done so | no |
//! | [`Failed`](CallError::Failed) | the other end could not go on; see below | depends on the code | no |
//! | [`TooLarge`](CallError::TooLarge) | a message exceeds a limit of one side; both numbers are named | use a stream, or raise `max_message_bytes` | no |
//! | [`Encode`](CallError::Encode) | this side's body cannot be encoded | a bug here: a map with keys that are no texts in JSON, say | no |
//! | [`Decode`](CallError::Decode) | the answer is not what this side expects; the place in it is named | compare the two sides' types | no |
//! | [`Cancelled`](CallError::Cancelled) | this side gave up | nothing | no |
//!
//! A request whose body is a stream is never repeated, and neither is an event.
//!
//! # `Failed`, by code
//!
//! | code | what happened | whose matter |
//! |---|---|---|
//! | `method_not_found` | no such method; the text names the nearest | caller |
//! | `invalid_parameters` | a parameter is missing or of a wrong type; the text names it | caller |
//! | `unsupported_codec` | the body's encoding is unknown | caller |
//! | `too_large` | the body exceeds what the server collects | caller |
//! | `denied` | a layer of the server does not let the caller do this | caller |
//! | `rejected` | a layer did not let the request through: a timeout, a limit; [`causes`](CallError::causes) says which | server |
//! | `panicked` | the handler panicked; only the server's log says how | server |
//! | `internal` | the handler's answer cannot be encoded | server |
//! | `cut_off` | the server stopped, and the handler needed longer than that took | server |
//! | `unavailable` | a layer or raw method could not reach something that it needs | server |
//!
//! The names stay what they are; [`Code`](crate::Code) has them as constants.
//!
//! ```
//! use linkspan::rpc::{Client, Server};
//! use linkspan::{Blame, Code};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new().listen("mem:guide-failures").await?;
//! let client = Client::connect("mem:guide-failures").await?;
//! let error = client.send_request::<u32>("missing", &()).await.unwrap_err();
//! assert_eq!((error.code(), error.blame()), (Code::METHOD_NOT_FOUND, Blame::Caller));
//! assert!(!error.is_retryable());
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! # Failing in a handler
//!
//! The error of a method is a value of its result: it arrives as it was given, in a typed client as the
//! same type, in others as [`Application`](CallError::Application). A `CallError` that a handler hands
//! on with `?` from a call of its own is no such value: its caller sees
//! [`Failed`](CallError::Failed), and `NotAccepted` becomes the code
//! [`Code::UNAVAILABLE`](crate::Code::UNAVAILABLE), because this request was accepted and must not be
//! repeated as if it were not.
//!
//! Layers and raw methods have no type for errors. They fail with what callers see as
//! [`Failed`](CallError::Failed):
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::CallError;
//! use linkspan::{Category, Code, Failure};
//!
//! let failure = Failure::new(Category::Limit, Code::REJECTED, "the printer is out of paper");
//! let error = CallError::from(failure.retry_after(Duration::from_secs(60)));
//! assert!(error.is_retryable());
//! ```
//!
//! # A connection does not come about
//!
//! [`ConnectError`], with [`DialError`] for all that happens before the handshake:
//!
//! | variant | what happened | try again |
//! |---|---|---|
//! | [`Address`](ConnectError::Address) | the text is not an address; it says what would be | no |
//! | [`Dial`](ConnectError::Dial): [`Io`](DialError::Io), [`NotListening`](DialError::NotListening) | nobody listens there | yes |
//! | [`Dial`](ConnectError::Dial): [`TimedOut`](DialError::TimedOut) | connecting took longer than `connection_timeout` | yes |
//! | [`Dial`](ConnectError::Dial): [`Untrusted`](DialError::Untrusted) | the server belongs to another user | no: allow the user, or find out who that is |
//! | [`Dial`](ConnectError::Dial): [`Plaintext`](DialError::Plaintext) | plain TCP would leave this machine | no |
//! | [`Dial`](ConnectError::Dial): [`Unsupported`](DialError::Unsupported) | the transport is turned off or not in this version | no |
//! | [`Handshake`](ConnectError::Handshake) | the server refused (`busy`, `denied`: see [`refusal`](ConnectError::refusal)), or the versions do not meet | if the refusal says so |
//! | [`Io`](ConnectError::Io), [`Silent`](ConnectError::Silent) | the link broke, or nothing was said, in the handshake; something else may listen there | yes |
//!
//! The first connection of a client has to succeed; later ones are made again for ever, with pauses from
//! 5 ms to 1 s. A program that may start before its server waits like this:
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{Client, ConnectError};
//!
//! async fn connect_soon(address: &linkspan::Address) -> Result<Client, ConnectError> {
//!     for _ in 0..100 {
//!         match Client::connect(address).await {
//!             Err(error) if error.is_retryable() => {
//!                 let hint = error.refusal().and_then(|failure| failure.retry_after);
//!                 tokio::time::sleep(hint.unwrap_or(Duration::from_millis(50))).await;
//!             }
//!             result => return result,
//!         }
//!     }
//!     Client::connect(address).await
//! }
//! # let address = "mem:guide-nobody".parse().unwrap();
//! # let mut runtime = tokio::runtime::Builder::new_current_thread();
//! # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
//! # let error = runtime.block_on(connect_soon(&address)).unwrap_err();
//! # assert!(error.is_retryable());
//! ```
//!
//! # A connection ends
//!
//! [`Connection::ended`](crate::rpc::Connection::ended) waits for it and gives a [`Disconnected`]: closed
//! by this side or the peer, a goodbye, an error of the system, a peer that broke the protocol, fell
//! silent, or stopped reading. Calls that were under way fail with
//! [`OutcomeUnknown`](CallError::OutcomeUnknown), whichever it was. A server is seen as lost at once when
//! its process ends, and a minute after its last sign of life when its machine does.
//!
//! # A server cannot listen
//!
//! [`ListenError`](crate::transport::ListenError): the address is in use, the directory is not ours, plain
//! TCP was not allowed, or the transport is not in this version. `linkspan doctor` looks for what is wrong.

#[cfg(doc)]
use crate::rpc::{CallError, ConnectError, Disconnected};
#[cfg(doc)]
use crate::transport::DialError;
