//! The command line, as its users see it: real processes, sockets and files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod analyze;
mod backend_switch;
mod call;
mod config;
mod daemon;
mod detection;
mod doctor;
mod exchange;
mod health;
mod help;
mod host;
mod ipc;
mod lifecycle;
mod network;
mod race;
mod reload;
mod status;
mod support;
mod terminal;
mod transport;
