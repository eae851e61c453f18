//! Output of commands, as fast as the client takes it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::AsyncWrite;

use crate::daemon::outlet::{Mark, Outlet};
use crate::daemon::wire::Stream;

/// Output of a command: its stdout or its stderr.
///
/// Each write leaves at once if the client takes it, and then without being copied; while the client
/// is slow, small ones are merged, and who has more waits. So a command that prints many small pieces
/// is faster behind a `tokio::io::BufWriter`. Flushing waits until the system has taken everything.
/// Shutting down tells the client that nothing follows; that is optional, the end of the command
/// does so, too.
///
/// When the client is gone or the command has ended, writes fail with
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe).
pub struct Output {
    outlet: Arc<Outlet>,
    window: Arc<Window>,
    stream: Stream,
    command: u32,
    /// The place behind the latest write.
    mark: Mark,
}

impl Output {
    pub(super) fn new(
        outlet: Arc<Outlet>,
        window: Arc<Window>,
        stream: Stream,
        command: u32,
    ) -> Self {
        Self {
            outlet,
            window,
            stream,
            command,
            mark: Mark::default(),
        }
    }

    /// Writes all of `data`.
    ///
    /// # Errors
    ///
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) if the client is gone or the command has ended.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a part of the data may have been written.
    pub async fn write_chunk(&mut self, data: impl AsRef<[u8]>) -> io::Result<()> {
        let mut data = data.as_ref();
        while !data.is_empty() {
            let count = poll_fn(|cx| self.poll_part(data, cx)).await?;
            data = data.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn poll_part(&mut self, data: &[u8], cx: &Context<'_>) -> Poll<io::Result<usize>> {
        // Nothing may follow the end of the command, so it waits at the gate for us.
        let is_open = self
            .window
            .gate
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !*is_open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let credit = ready!(self.window.poll_credit(cx));
        let part = data.get(..credit).unwrap_or(data);
        let count = ready!(self.outlet.poll_data(self.stream, self.command, part, cx))?;
        self.window.spend(count);
        drop(is_open);
        self.mark = self.outlet.mark();
        Poll::Ready(Ok(count))
    }

    fn poll_flushed(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.outlet.poll_flushed(self.mark, cx)) {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match data.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => self.poll_part(data, cx),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flushed(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.window.close() {
            self.mark = self.outlet.end_stream(self.stream, self.command);
        }
        self.poll_flushed(cx)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("stream", &self.stream)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// How much of a stream the client takes.
#[derive(Debug)]
pub(super) struct Window {
    credit: AtomicU64,
    waiting: Mutex<Option<Waker>>,
    /// Whether data may still be sent. It is held while data is.
    gate: Mutex<bool>,
}

impl Window {
    pub(super) fn new(credit: u64) -> Self {
        Self {
            credit: AtomicU64::new(credit),
            waiting: Mutex::default(),
            gate: Mutex::new(true),
        }
    }

    /// The client takes more; false if that is more than can be counted.
    pub(super) fn grant(&self, bytes: u64) -> bool {
        let more = |credit: u64| credit.checked_add(bytes);
        let granted = self
            .credit
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        self.wake();
        granted.is_ok()
    }

    /// Lets no more data out; false if that was so already.
    pub(super) fn close(&self) -> bool {
        let mut is_open = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = std::mem::replace(&mut *is_open, false);
        drop(is_open);
        self.wake();
        was_open
    }

    fn poll_credit(&self, cx: &Context<'_>) -> Poll<usize> {
        if let Some(credit) = self.credit() {
            return Poll::Ready(credit);
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = Some(cx.waker().clone());
        drop(waiting);
        // It may have come before the waker stood there.
        self.credit().map_or(Poll::Pending, Poll::Ready)
    }

    fn credit(&self) -> Option<usize> {
        let credit = self.credit.load(Ordering::Acquire);
        (credit > 0).then(|| usize::try_from(credit).unwrap_or(usize::MAX))
    }

    fn spend(&self, bytes: usize) {
        // No more than there was: nobody else spends.
        self.credit.fetch_sub(bytes as u64, Ordering::AcqRel);
    }

    fn wake(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = waiting.take();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
