//! Backends of named pipes.

mod pipe;
mod tcp;

use std::io;

use ::tokio::net::TcpStream;
use ::tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};

use crate::transport::backend::{Backend, Halves, Origin};

/// What a backend does with named pipes.
pub(crate) trait Local: Sync {
    fn backend(&self) -> Backend;

    /// Takes over an instance that has its client.
    fn server(&self, pipe: NamedPipeServer) -> io::Result<Halves>;

    /// Takes over a client's end.
    fn client(&self, pipe: NamedPipeClient) -> io::Result<Halves>;
}

/// The backends of this build.
pub(super) static BUILT: &[&dyn Local] = &[&pipe::Tokio];

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
