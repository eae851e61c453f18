//! Tests of the protocol through its public interface, in simulated time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod busrt;
mod cancel;
mod codec;
mod compression;
mod continued;
mod corpus;
mod crc32;
mod credit;
mod deadline;
mod delimited;
mod drain;
mod fairness;
mod golden;
mod handshake;
mod heartbeat;
mod misbehaviour;
mod sealed;
mod streams;
mod topic;
