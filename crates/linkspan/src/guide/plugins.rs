//! How do I write a plugin in Rust?
//!
//! A *plugin* is a program that a host starts, calls, and ends; it calls its host, too, as far as that
//! grants it. The program is a service and a `main`:
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
//!     Plugin::new("greeter", "0.1.0").service(greeter).run()
//! }
//! ```
//!
//! It needs the feature `plugin-guest` alone. `linkspan plugin new --lang rust greeter` makes the
//! whole project with its manifest:
//!
//! ```console
//! $ linkspan plugin new --lang rust greeter && cd greeter
//! $ cargo install --path . --root .
//! $ linkspan plugin check .
//! $ linkspan plugin call . greet '{"name": "Ada"}'
//! "Hello, Ada!"
//! ```
//!
//! What is a service elsewhere is one here: streams, contexts, errors and deadlines are those of
//! [`calls`](super::calls) and [`streams`](super::streams), and the same type can be served in tests
//! or within a program without being a plugin.
//!
//! # Calling the host
//!
//! [`Plugin::host`] gives it before it is there, for what handlers are made of. Generated clients work
//! on it. Whoever hands on the context of the call that it works for hands on the deadline.
//!
//! ```no_run
//! use linkspan::plugin::guest::{Host, Plugin};
//! use linkspan::rpc::{CallError, Context};
//!
//! /// What the host has.
//! #[linkspan::service]
//! trait Notes {
//!     async fn read(&self, name: String, cx: Context) -> Result<String, CallError>;
//! }
//!
//! #[linkspan::service]
//! trait Counter {
//!     async fn words(&self, note: String, cx: Context) -> Result<usize, CallError>;
//! }
//!
//! struct Words {
//!     host: Host,
//! }
//!
//! impl Counter for Words {
//!     async fn words(&self, note: String, cx: Context) -> Result<usize, CallError> {
//!         let text = NotesClient::new(self.host.clone()).read(note, cx).await?;
//!         Ok(text.split_whitespace().count())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let plugin = Plugin::new("counter", "0.1.0");
//!     let counter = CounterServer::new(Words { host: plugin.host() });
//!     plugin.service(counter).run()
//! }
//! ```
//!
//! What a plugin may call stands in its manifest as `capabilities = ["rpc.call:notes.read"]`, and is
//! granted by who runs it; the rest fails with the category
//! [`Authorization`](crate::Category::Authorization).
//!
//! # Events
//!
//! [`Plugin::on_event`] hears of topics by masks, [`Host::publish`] tells others:
//!
//! ```no_run
//! use linkspan::plugin::guest::Plugin;
//! use linkspan::rpc::Context;
//!
//! let plugin = Plugin::new("greeter", "0.1.0");
//! let host = plugin.host();
//! plugin
//!     .on_event("people/+/arrived", move |topic: String, who: String, _: Context| {
//!         let host = host.clone();
//!         async move {
//!             let topic = topic.replace("arrived", "greeted");
//!             host.publish(&topic, &format!("Hello, {who}!")).await.ok();
//!         }
//!     })
//!     .run();
//! ```
//!
//! # Logs, progress, readiness
//!
//! - Events of `tracing` go to the host as log records, with their fields and the call in which they
//!   were said, unless the program has installed a subscriber. Nothing waits for that: what finds no
//!   room is dropped and counted. Panics are records, too, and for the caller a failure that says
//!   no more. What is printed is logged by the host.
//! - [`progress`](crate::plugin::guest::progress) tells the caller how far a call is.
//! - A plugin is ready when [`on_start`](crate::plugin::guest::Plugin::on_start) is done; [`Host::set_ready`] says
//!   otherwise.
//!
//! # Blocking
//!
//! Handlers may block, and so may the streams that they give: a thread that is kept is replaced within
//! some milliseconds, up to [`threads`](crate::plugin::guest::Plugin::threads) of them, and the answers that every plugin owes
//! its host never wait for handlers. A method that blocks is recognised, and has a thread of its own
//! from then on. What handlers spawn by `tokio::spawn` shares one further thread; work for longer than
//! that belongs into the handler itself, or on a thread.
//!
//! # The end
//!
//! | what happens | what the plugin does | exit code |
//! |---|---|---|
//! | the host says goodbye, or SIGTERM comes | finishes what is under way, takes nothing new | 0 |
//! | the host is gone | drops its handlers, and ends within a second whatever they do | 0 |
//! | it was started by hand | says what it is | 64 |
//! | [`on_start`](crate::plugin::guest::Plugin::on_start) fails | logs why | 70 |
//! | the host breaks the protocol | says so on standard error | 76 |
//!
//! [`Plugin::host`]: crate::plugin::guest::Plugin::host
//! [`Plugin::on_event`]: crate::plugin::guest::Plugin::on_event
//! [`Host::publish`]: crate::plugin::guest::Host::publish
//! [`Host::set_ready`]: crate::plugin::guest::Host::set_ready
