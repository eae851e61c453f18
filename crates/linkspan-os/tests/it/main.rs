//! Tests of the system calls, on real files and sockets.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod directory;
mod lock;
mod peer;
mod socket;
