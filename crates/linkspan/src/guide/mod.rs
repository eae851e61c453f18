//! The manual: one page for each question. All examples compile, most of them run.
//!
//! | page | it answers |
//! |---|---|
//! | [`addresses`] | Where does a server listen, who gets in, and who is at the other end? |
//! | [`calls`] | How do I describe methods, set deadlines, call by name, and call back? |
//! | [`streams`] | How do many values flow, in either direction, and what slows them down? |
//! | [`failures`] | What went wrong, what can I do, and what was repeated already? |
//! | [`middleware`] | How do I put limits, timeouts and checks around all calls? |
//! | [`operations`] | How do I limit, stop, reload, count and watch a server? |
//! | `daemons` | How does a command line hand its work to a process that stays? (feature `daemon`) |
//! | `exchange` | How do I talk to programs that speak frames of length, CRC-32 and protobuf? (feature `exchange`) |
//! | `plugins` | How do I write a plugin in Rust? (feature `plugin-guest`) |
//! | `sealing` | How do I send what brokers and hosts on the way cannot read? (feature `seal`) |
//! | [`testing`] | How do I test a service without processes and without waiting? |
//!
//! Programs of two processes that run as they are stand in the directory `examples` of this crate.

pub mod addresses;
pub mod calls;
#[cfg(feature = "daemon")]
pub mod daemons;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod failures;
pub mod middleware;
pub mod operations;
#[cfg(feature = "plugin-guest")]
pub mod plugins;
#[cfg(feature = "seal")]
pub mod sealing;
pub mod streams;
pub mod testing;
