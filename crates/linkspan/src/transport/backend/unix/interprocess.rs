//! Unix sockets through the crate `interprocess`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use interprocess::os::unix::uds_local_socket::tokio::{Listener, Stream};

use crate::transport::backend::adapter::{self, Direct};
use crate::transport::backend::unix::{Accept, Local};
use crate::transport::backend::{Backend, Halves, Origin};

/// The crate's listener and streams, over descriptors of our own making.
pub(super) struct Interprocess;

impl Local for Interprocess {
    fn backend(&self) -> Backend {
        Backend::Interprocess
    }

    fn accept(&self, listener: Arc<UnixListener>) -> io::Result<Box<dyn Accept>> {
        let own = OwnedFd::from(listener.try_clone()?);
        Ok(Box::new(Accepting(Listener::try_from(own)?)))
    }

    fn stream(&self, socket: UnixStream, _: Origin) -> io::Result<Halves> {
        Ok(adapter::split(Stream::try_from(OwnedFd::from(socket))?))
    }
}

impl Direct for Stream {
    /// The stream's own way of shutting down does nothing.
    fn shutdown(&self) {
        // A connection that is gone needs no telling.
        os::shutdown_write(self.as_fd()).ok();
    }

    fn receive(&self, buffer: &mut BytesMut, limit: usize) -> Option<io::Result<usize>> {
        Some(os::receive(self.as_fd(), buffer, limit))
    }
}

#[derive(Debug)]
struct Accepting(Listener);

impl Accept for Accepting {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        // Its own `accept` is a future that would have to be kept; this is what it waits for.
        self.0
            .inner()
            .poll_accept(cx)
            .map(|accepted| accepted?.0.into_std())
    }

    fn finish(self: Box<Self>) -> Vec<UnixStream> {
        Vec::new()
    }
}
