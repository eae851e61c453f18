//! A bounded queue of bytes between a task and another task, or a thread.

use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, BytesMut};

use crate::transport::bytes::{ByteReader, ByteWriter};

/// One direction.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Where threads wait; tasks have wakers.
    pub(super) changed: Condvar,
    pub(super) capacity: usize,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) bytes: BytesMut,
    /// Nothing follows.
    pub(super) is_ended: bool,
    /// Nobody reads any more.
    pub(super) is_abandoned: bool,
    /// Why nothing follows, or why nothing is taken; told once.
    pub(super) error: Option<io::Error>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Queue {
    /// A queue in which at most `capacity` bytes wait.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            capacity: capacity.max(1),
        })
    }

    /// Says that nothing follows.
    pub(crate) fn end(&self) {
        self.change(|state| state.is_ended = true);
    }

    /// Says that nobody reads any more.
    pub(crate) fn abandon(&self) {
        self.change(|state| state.is_abandoned = true);
    }

    /// Ends a section in which something may have been taken.
    pub(super) fn taken(&self, mut state: MutexGuard<'_, State>) {
        let writer = state.writer.take();
        drop(state);
        self.changed.notify_all();
        wake(writer);
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(wake);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes what there is, or what will not change any more; nothing if there is nothing yet.
    pub(super) fn take(
        &mut self,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Option<io::Result<usize>> {
        if self.bytes.is_empty() {
            let error = self.error.take().map(Err);
            return error.or_else(|| self.is_ended.then_some(Ok(0)));
        }
        let room = (buffer.capacity() - buffer.len()).min(limit);
        let count = self.bytes.len().min(room);
        buffer.put_slice(self.bytes.get(..count).unwrap_or_default());
        self.bytes.advance(count);
        Some(Ok(count))
    }
}

/// The end of a queue that a task reads.
#[derive(Debug)]
pub(crate) struct QueueReader(pub(crate) Arc<Queue>);

impl ByteReader for QueueReader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if !state.bytes.is_empty() || state.is_ended {
            return Poll::Ready(Ok(()));
        }
        register(&mut state.reader, cx);
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        let Some(taken) = state.take(buffer, limit) else {
            register(&mut state.reader, cx);
            return Poll::Pending;
        };
        self.0.taken(state);
        Poll::Ready(taken)
    }
}

impl Drop for QueueReader {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The end of a queue that tasks write.
#[derive(Debug)]
pub(crate) struct QueueWriter(pub(crate) Arc<Queue>);

impl ByteWriter for QueueWriter {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.is_abandoned || state.is_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = self.0.capacity.saturating_sub(state.bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = 0;
        for slice in slices {
            let piece = slice.get(..room.min(slice.len())).unwrap_or_default();
            state.bytes.put_slice(piece);
            written += piece.len();
            room -= piece.len();
        }
        let reader = state.reader.take();
        drop(state);
        self.0.changed.notify_all();
        wake(reader);
        Ok(written)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        if state.is_abandoned || state.is_ended || state.bytes.len() < self.0.capacity {
            return Poll::Ready(Ok(()));
        }
        register(&mut state.writer, cx);
        Poll::Pending
    }

    fn shutdown(&self) {
        self.0.end();
    }
}

impl Drop for QueueWriter {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn register(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *place = Some(cx.waker().clone()),
    }
}

pub(super) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}
