//! Tests of the system calls, on real files, sockets and pipes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod changes;
mod child;
mod executable;
mod file;
mod lock_wait;
mod process;
mod sid;
mod spawn;

#[cfg(unix)]
mod detached;
#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod lock;
#[cfg(target_os = "linux")]
mod loopback;
#[cfg(unix)]
mod peer;
#[cfg(unix)]
mod private;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod socket;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod tree;

#[cfg(windows)]
mod windows;
