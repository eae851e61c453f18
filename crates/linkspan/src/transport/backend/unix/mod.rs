//! Backends of Unix sockets.

#[cfg(feature = "ipc-interprocess")]
mod interprocess;
#[cfg(feature = "ipc-legacy")]
mod legacy;
mod tokio;

use std::fmt;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::task::{Context, Poll};

use ::tokio::net::TcpStream;

use crate::transport::backend::{Backend, Halves, Origin};

/// What a backend does with Unix sockets.
pub(crate) trait Local: Sync {
    fn backend(&self) -> Backend;

    /// Waits for the connections of a listening socket that does not block.
    fn accept(&self, listener: Arc<UnixListener>) -> io::Result<Box<dyn Accept>>;

    /// Takes over a connected socket that does not block.
    fn stream(&self, socket: UnixStream, origin: Origin) -> io::Result<Halves>;
}

/// Connections of one listener as they come.
pub(crate) trait Accept: fmt::Debug + Send {
    /// The next one, which does not block. A connection that was taken is never lost when the wait
    /// is given up.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>>;

    /// Stops waiting; gives the connections that were taken from the listener and not yet given
    /// out.
    fn finish(self: Box<Self>) -> Vec<UnixStream>;
}

/// The backends of this build.
pub(super) static BUILT: &[&dyn Local] = &[
    &tokio::Tokio,
    #[cfg(feature = "ipc-interprocess")]
    &interprocess::Interprocess,
    #[cfg(feature = "ipc-legacy")]
    &legacy::Legacy,
];

/// What would bring a backend that is not in [`BUILT`].
pub(super) fn remedy(backend: Backend) -> &'static str {
    match backend {
        Backend::Tokio => "it always is",
        Backend::Interprocess => "build with the feature ipc-interprocess",
        Backend::Legacy => "build with the feature ipc-legacy",
    }
}

/// A TCP connection, which has no choice of backends.
pub(crate) fn tcp(stream: TcpStream, origin: Origin) -> io::Result<Halves> {
    tokio::split(stream.into_std()?.into(), origin)
}
