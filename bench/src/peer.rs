//! What every peer of the comparison does.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;

/// A way for two processes to talk.
pub(crate) trait Peer: 'static {
    /// Its name in tables.
    const NAME: &'static str;
    /// Whether server and client share a process.
    const IN_PROCESS: bool = false;

    type Connection: Connection;

    /// Answers at `place` for ever.
    fn serve(place: Place) -> impl Future<Output = Result<()>> + Send;

    /// Connects to a server at `place`.
    fn connect(place: Place) -> impl Future<Output = Result<Self::Connection>> + Send;
}

/// One connection of a client.
pub(crate) trait Connection: Clone + Send + Sync + 'static {
    /// Sends a body and waits for the same one; gives its length.
    fn echo(&self, body: Bytes) -> impl Future<Output = Result<usize>> + Send;

    /// Receives `chunks` chunks of `size` bytes; gives the number of bytes.
    fn stream(&self, chunks: u64, size: usize) -> impl Future<Output = Result<u64>> + Send;
}

/// Where a server listens: a directory for its sockets.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
