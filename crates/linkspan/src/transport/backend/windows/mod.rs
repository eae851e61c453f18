//! Backends of named pipes.

#[cfg(feature = "ipc-interprocess")]
mod interprocess;
mod shared;
mod tcp;
mod tokio;
#[cfg(feature = "ipc-interprocess")]
mod waiter;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use ::tokio::net::TcpStream;

use crate::transport::backend::{Backend, Halves, Origin};

/// What a backend does with named pipes.
pub(crate) trait Local: Sync {
    fn backend(&self) -> Backend;

    /// Has an instance of its own wait for clients.
    fn accept(&self, pipe: &Arc<os::Pipe>) -> io::Result<Box<dyn Accept>>;

    /// Connects to the pipe `name`; [`io::ErrorKind::WouldBlock`] while all instances are taken.
    fn connect(&self, name: &str) -> io::Result<Connected>;
}

/// One of a pipe's instances, waiting for a client.
pub(crate) trait Accept: fmt::Debug + Send {
    /// Waits until it has its client, which it has until that is taken. Nothing is lost when the wait
    /// is given up.
    fn connected(&mut self) -> Connecting<'_>;

    /// Takes the client, after another instance waits for the next; without one it stays.
    fn take_next(&mut self) -> io::Result<Connected>;

    /// Takes the client, and has no other instance wait.
    fn take_last(self: Box<Self>) -> io::Result<Connected>;
}

/// The wait for a client.
pub(crate) type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

/// A connection, and whom the system says that it leads to.
pub(crate) struct Connected {
    pub(crate) peer: os::PeerCredentials,
    pub(crate) halves: Halves,
}

/// The backends of this build.
pub(super) static BUILT: &[&dyn Local] = &[
    &tokio::Tokio,
    #[cfg(feature = "ipc-interprocess")]
    &interprocess::Interprocess,
];

/// What would bring a backend that is not in [`BUILT`].
pub(super) fn remedy(backend: Backend) -> &'static str {
    match backend {
        Backend::Tokio => "it always is",
        Backend::Interprocess => "build with the feature ipc-interprocess",
        Backend::Legacy => "it exists on Unix only",
    }
}

/// A TCP connection, which has no choice of backends.
pub(crate) fn tcp(stream: TcpStream, _: Origin) -> io::Result<Halves> {
    Ok(tcp::split(stream))
}
