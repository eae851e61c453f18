//! Test tools of Linkspan.
//!
//! | module | holds |
//! |---|---|
//! | [`sim`] | two sessions, a wire between them and a clock that only the test moves |
//! | [`script`] | a peer that says exactly what the test wants, frame by frame |
//! | [`fuzz`] | properties that hold for every input, for the fuzzer and for plain tests |
//! | [`conformance`] | what every transport has to do, as one suite for all of them |
//! | [`certificates`] | who signs them, what they are, and ends of TLS of another make |
//! | [`wait`] | waiting for a condition, with a deadline |
//! | [`websocket`] | a WebSocket of another make, as a stream of bytes |
//! | [`raw`] | a client that speaks bytes, for all that a correct one would not say |
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    reason = "a test tool fails by panicking"
)]

pub mod certificates;
pub mod conformance;
pub mod fuzz;
pub mod raw;
pub mod script;
pub mod sim;
pub mod wait;
pub mod websocket;
pub mod wine;
