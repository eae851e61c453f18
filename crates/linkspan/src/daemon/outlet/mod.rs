//! What goes out on a connection: written at once by whoever has something, queued while the peer is
//! slow.
//!
//! There is one *pen*. Who finds it in its place, with nothing waiting, writes straight from the
//! caller's memory; what others have meanwhile is queued, and leaves with the next write of the same
//! hand. When the peer takes nothing, the connection's task waits until it does.

mod direct;
mod state;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use proto::frame::Segments;
use tokio::sync::Notify;

use crate::daemon::outlet::direct::Chunks;
use crate::daemon::outlet::state::{End, State};
use crate::daemon::wire::{Encoder, FromDaemon, Limits, Stream};

use crate::transport::ByteWriter;

pub(super) use state::Fault;

/// The sending side of a connection.
pub(super) struct Outlet {
    writer: Box<dyn ByteWriter>,
    state: Mutex<State>,
    /// Tells the connection's task that the peer takes nothing, or that the connection broke.
    trouble: Notify,
    crowd: Arc<Crowd>,
}

/// How many connections there are: with many, each may keep less of what its peer is slow to take.
#[derive(Debug, Default)]
pub(super) struct Crowd(AtomicUsize);

impl Crowd {
    pub(super) fn grow(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn shrink(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Longest chunk, because what the system does not take of one has to be kept.
    fn chunk_bytes(&self) -> usize {
        let count = self.0.load(Ordering::Relaxed).max(1);
        (KEPT_BY_ALL_BYTES / count).max(LEAST_CHUNK_BYTES)
    }
}

/// A place in what goes out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark(u64);

impl Outlet {
    pub(super) fn new(writer: Box<dyn ByteWriter>, crowd: Arc<Crowd>) -> Self {
        Self {
            writer,
            state: Mutex::new(State::new()),
            trouble: Notify::new(),
            crowd,
        }
    }

    /// Takes note of what the peer takes; output is cut into chunks of at most `chunk_bytes`.
    pub(super) fn set_limits(&self, limits: Limits, chunk_bytes: u32) {
        let mut state = self.lock();
        state.encoder = Encoder::new(limits);
        let chunk_bytes = chunk_bytes.min(limits.max_chunk_bytes);
        state.chunk_bytes = usize::try_from(chunk_bytes).unwrap_or(usize::MAX);
    }

    /// Sends messages, in their order and without waiting. Gives the place behind them.
    pub(super) fn send(&self, messages: impl IntoIterator<Item = FromDaemon>) -> Mark {
        let mut state = self.lock();
        for message in messages {
            if state.end.is_none() {
                state.encode(&message);
            }
        }
        let mark = Mark(state.given);
        drop(state);
        self.flush();
        mark
    }

    /// Sends data of a command's stream. Gives how much of it is taken.
    pub(super) fn poll_data(
        &self,
        stream: Stream,
        command: u32,
        data: &[u8],
        cx: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut state = self.lock();
            if state.end.is_some() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let is_free = !state.is_blocked && state.queue.is_empty();
            let pen = state.pen.take_if(|pen| is_free && pen.is_empty());
            let Some(pen) = pen else {
                return self.queue_data(state, (stream, command), data, cx);
            };
            if let Some(bytes) = self.begin(state, pen, (stream, command), data) {
                return Poll::Ready(Ok(bytes));
            }
            // Refused; but the peer may have made room before we stand among those who wait.
        }
    }

    /// Writes data without copying it, as much as the system takes.
    fn begin(
        &self,
        mut state: MutexGuard<'_, State>,
        pen: Segments,
        stream: (Stream, u32),
        data: &[u8],
    ) -> Option<usize> {
        let chunk_bytes = state.chunk_bytes.min(self.crowd.chunk_bytes());
        match Chunks::new(state.encoder, stream, data, chunk_bytes) {
            Ok(chunks) => {
                drop(state);
                self.write_directly(pen, &chunks)
            }
            Err(error) => {
                state.pen = Some(pen);
                state.end.get_or_insert(End::Unsendable(Some(error)));
                drop(state);
                self.trouble.notify_one();
                None
            }
        }
    }

    /// Queues a little data for a peer that is slow, or for the hand that writes already. Who has more
    /// waits, and keeps it meanwhile.
    fn queue_data(
        &self,
        mut state: MutexGuard<'_, State>,
        (stream, command): (Stream, u32),
        data: &[u8],
        cx: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let is_little = data.len() <= LITTLE_BYTES.min(state.chunk_bytes);
        if !is_little || state.queue.remaining() >= QUEUE_BYTES {
            state.wait(cx.waker());
            return Poll::Pending;
        }
        state.encode_chunk(stream, command, &Bytes::copy_from_slice(data));
        drop(state);
        self.flush();
        Poll::Ready(Ok(data.len()))
    }

    /// Sends the end of a command's stream. Gives the place behind it.
    pub(super) fn end_stream(&self, stream: Stream, command: u32) -> Mark {
        let mut state = self.lock();
        if state.end.is_none() {
            state.encode_chunk(stream, command, &Bytes::new());
        }
        let mark = Mark(state.given);
        drop(state);
        self.flush();
        mark
    }

    /// The place behind all that was given so far.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.lock().given)
    }

    /// Waits until the system has taken all that was given before a place; false if it never will.
    pub(super) async fn flushed(&self, mark: Mark) -> bool {
        poll_fn(|cx| self.poll_flushed(mark, cx)).await
    }

    pub(super) fn poll_flushed(&self, mark: Mark, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.taken >= mark.0 {
            return Poll::Ready(true);
        }
        if state.end.is_some() {
            return Poll::Ready(false);
        }
        state.wait(cx.waker());
        Poll::Pending
    }

    /// Waits until nothing more is sent.
    pub(super) async fn closed(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.end.is_some() {
                return Poll::Ready(());
            }
            state.wait(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Waits until few answers are left to be sent, so that a peer that asks without reading fills no
    /// memory.
    pub(super) async fn has_room(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.end.is_some() || state.queue.remaining() < MOST_QUEUED_BYTES {
                return Poll::Ready(());
            }
            state.wait(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Writes what is left whenever the peer takes something again, until the connection breaks.
    pub(super) async fn drive(&self) -> Fault {
        loop {
            while self.lock().is_blocked {
                match poll_fn(|cx| self.writer.poll_write_ready(cx)).await {
                    Ok(()) => self.lock().is_blocked = false,
                    Err(error) => self.end(End::Broken(Some(error))),
                }
                self.flush();
            }
            if let Some(fault) = self.fault() {
                return fault;
            }
            // What waiting for the peer needs is kept for a while: a slow one stops us often.
            let trouble = tokio::time::timeout(KEPT, self.trouble.notified());
            if trouble.await.is_err() {
                self.writer.stop_waiting();
                self.trouble.notified().await;
            }
        }
    }

    /// Sends nothing more, and tells the peer so. Who still writes gets an error.
    pub(super) fn close(&self) {
        self.end(End::Closed);
        self.writer.stop_waiting();
        self.writer.shutdown();
    }

    /// Writes what is pending, unless somebody does already or the peer takes nothing.
    fn flush(&self) {
        let mut state = self.lock();
        let Some(mut pen) = state.take_pen() else {
            return;
        };
        loop {
            if pen.is_empty() {
                mem::swap(&mut pen, &mut state.queue);
            }
            if pen.is_empty() {
                pen.shrink(KEPT_BYTES);
                state.pen = Some(pen);
                return state.wake();
            }
            drop(state);
            let mut written = 0;
            let result = self.write(&mut pen, &mut written);
            state = self.lock();
            state.taken += written;
            if let Err(error) = result {
                state.pen = Some(pen);
                state.stopped(error);
                self.trouble.notify_one();
                return state.wake();
            }
        }
    }

    fn write(&self, pen: &mut Segments, written: &mut u64) -> io::Result<()> {
        while pen.has_remaining() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = pen.chunks_vectored(&mut slices);
            let taken = self
                .writer
                .try_write(slices.get(..count).unwrap_or_default())?;
            pen.advance(taken);
            *written += taken as u64;
        }
        Ok(())
    }

    fn end(&self, end: End) {
        let mut state = self.lock();
        state.end.get_or_insert(end);
        state.is_blocked = false;
        state.wake();
        drop(state);
        self.trouble.notify_one();
    }

    fn fault(&self) -> Option<Fault> {
        self.lock().fault()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

/// Slices in one vectored write.
const MAX_SLICES: usize = 32;
/// Little output is queued while the peer is slow, up to so much.
const QUEUE_BYTES: usize = 16 * 1024;
/// What is little.
const LITTLE_BYTES: usize = 4 * 1024;
/// Answers that wait when nothing more is read.
const MOST_QUEUED_BYTES: usize = 256 * 1024;
/// What all connections together keep of chunks that were begun, about.
const KEPT_BY_ALL_BYTES: usize = 1024 * 1024;
const LEAST_CHUNK_BYTES: usize = 8 * 1024;
/// What an idle connection keeps of its buffer.
const KEPT_BYTES: usize = 4 * 1024;
/// How long what waiting needs is kept after the last wait.
const KEPT: Duration = Duration::from_secs(1);
