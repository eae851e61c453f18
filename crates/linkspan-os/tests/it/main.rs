//! Tests of the system calls, on real files, sockets and pipes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod sid;

#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod peer;
#[cfg(unix)]
mod socket;

#[cfg(windows)]
mod windows;
