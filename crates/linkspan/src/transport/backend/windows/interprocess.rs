//! Named pipes through the crate `interprocess`.
//!
//! Its listener makes instances by itself and gives none back, so that a client might be lost when it
//! goes; its streams are what is used here, over instances that a thread of ours waits on.

use std::io::{self, IoSlice};
use std::mem;
use std::os::windows::io::{AsHandle, BorrowedHandle, IntoRawHandle, OwnedHandle};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use interprocess::os::windows::named_pipe::pipe_mode::Bytes;
use interprocess::os::windows::named_pipe::tokio::DuplexPipeStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::backend::Backend;
use crate::transport::backend::adapter::{self, Direct};
use crate::transport::backend::windows::shared::{Pipe, Shared, WRITE_BYTES, gather};
use crate::transport::backend::windows::waiter::{Waited, Waiter};
use crate::transport::backend::windows::{Accept, Connected, Connecting, Local};

/// The crate's streams, over instances of our own making.
pub(super) struct Interprocess;

impl Local for Interprocess {
    fn backend(&self) -> Backend {
        Backend::Interprocess
    }

    fn accept(&self, pipe: &Arc<os::Pipe>) -> io::Result<Box<dyn Accept>> {
        let waiter = Waiter::start()?;
        waiter.wait_for(pipe.instance()?)?;
        Ok(Box::new(Accepting {
            pipe: Arc::clone(pipe),
            waiter,
            connected: None,
        }))
    }

    fn connect(&self, name: &str) -> io::Result<Connected> {
        connected(os::open_pipe(name)?)
    }
}

/// An instance that is waited on, or has its client.
#[derive(Debug)]
struct Accepting {
    pipe: Arc<os::Pipe>,
    waiter: Waiter,
    connected: Option<os::PipeInstance>,
}

impl Accepting {
    async fn connect(&mut self) -> io::Result<()> {
        while self.connected.is_none() {
            let Waited { instance, result } = self.waiter.waited().await?;
            // Without a client the instance has no use any more. The new one is there before the old
            // one goes.
            let is_connected = matches!(result, Ok(true));
            self.connected = Some(instance);
            if !is_connected {
                drop(self.replace()?);
            }
            result?;
        }
        Ok(())
    }

    /// The instance that is here, after another one waits.
    fn replace(&mut self) -> io::Result<os::PipeInstance> {
        if self.connected.is_none() {
            return Err(io::Error::other("the pipe has no client"));
        }
        self.waiter.wait_for(self.pipe.instance()?)?;
        self.take()
    }

    fn take(&mut self) -> io::Result<os::PipeInstance> {
        let connected = mem::take(&mut self.connected);
        connected.ok_or_else(|| io::Error::other("the pipe has no client"))
    }
}

impl Accept for Accepting {
    fn connected(&mut self) -> Connecting<'_> {
        Box::pin(self.connect())
    }

    fn take_next(&mut self) -> io::Result<Connected> {
        connected(self.replace()?.into_handle())
    }

    fn take_last(mut self: Box<Self>) -> io::Result<Connected> {
        connected(self.take()?.into_handle())
    }
}

fn connected(handle: OwnedHandle) -> io::Result<Connected> {
    let peer = os::peer_credentials(&handle)?;
    let stream = DuplexPipeStream::try_from(handle).map_err(|mut error| {
        // The runtime has closed a handle that it could not watch; the error owns it nevertheless.
        error.source.take().map(OwnedHandle::into_raw_handle);
        io::Error::from(error)
    })?;
    let shared = Shared::new(Stream(stream));
    let halves = adapter::split(shared);
    Ok(Connected { peer, halves })
}

impl Direct for Shared<Stream> {
    fn shutdown(&self) {
        self.close();
    }
}

/// The crate's stream, which closes without its own way of waiting: that keeps a thread until the
/// peer has read all, however long it takes, and other streams that close stand behind it.
#[derive(Debug)]
struct Stream(DuplexPipeStream<Bytes>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.assume_flushed();
    }
}

impl AsHandle for Stream {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.0.as_handle()
    }
}

impl Pipe for Stream {
    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()> {
        // It waits for the write before it; of nothing, it is no write.
        Pin::new(&mut &self.0).poll_write(cx, &[]).map(drop)
    }
}

impl AsyncRead for &Shared<Stream> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.with(|stream| Pin::new(&mut &stream.0).poll_read(cx, buffer));
        // A closed one is at its end.
        read.unwrap_or(Poll::Ready(Ok(())))
    }
}

impl AsyncWrite for &Shared<Stream> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = bytes
            .get(..bytes.len().min(WRITE_BYTES))
            .unwrap_or_default();
        let written = self.with(|stream| Pin::new(&mut &stream.0).poll_write(cx, bytes));
        written.unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [only] => self.poll_write(cx, only),
            several => self.poll_write(cx, &gather(several)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(
            self.with(|stream| stream.poll_taken(cx))
                .unwrap_or(Poll::Ready(()))
        );
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}
