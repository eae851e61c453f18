//! Queues of frames.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use proto::frame::Frame;

use crate::transport::memory::lock;

/// Both ends of a link.
pub(super) fn pair(capacity: usize) -> [(Receiver, Sender); 2] {
    let [there, back] = [Queue::new(capacity), Queue::new(capacity)].map(Arc::new);
    [
        (Receiver(Arc::clone(&back)), Sender(Arc::clone(&there))),
        (Receiver(there), Sender(back)),
    ]
}

/// One direction.
struct Queue {
    state: Mutex<QueueState>,
    capacity: usize,
}

#[derive(Default)]
struct QueueState {
    frames: VecDeque<Frame>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Queue {
    fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity: capacity.max(1),
        }
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().for_each(wake);
    }
}

/// The reading end of a queue.
pub(crate) struct Receiver(Arc<Queue>);

impl Receiver {
    /// Waits until there is a frame, or none will come any more.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if !state.frames.is_empty() || state.closed {
            return Poll::Ready(());
        }
        register(&mut state.reader, cx);
        Poll::Pending
    }

    /// Takes all frames; false if none will come any more.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        frames: &mut VecDeque<Frame>,
    ) -> Poll<bool> {
        let mut state = lock(&self.0.state);
        if state.frames.is_empty() {
            if state.closed {
                return Poll::Ready(false);
            }
            register(&mut state.reader, cx);
            return Poll::Pending;
        }
        if frames.is_empty() {
            std::mem::swap(frames, &mut state.frames);
        } else {
            frames.append(&mut state.frames);
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        Poll::Ready(true)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The writing end of a queue.
pub(crate) struct Sender(Arc<Queue>);

impl Sender {
    /// Moves as many frames into the queue as it takes, and adds their length to `written`.
    pub(crate) fn try_send(
        &self,
        frames: &mut VecDeque<Frame>,
        written: &mut u64,
    ) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        if state.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = self.0.capacity.saturating_sub(state.frames.len());
        *written += frames.iter().take(room).map(Frame::wire_bytes).sum::<u64>();
        if frames.len() <= room {
            state.frames.append(frames);
        } else {
            state.frames.extend(frames.drain(..room));
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        if frames.is_empty() {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// Waits until the queue takes something, or never will.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.closed || state.frames.len() < self.0.capacity {
            return Poll::Ready(());
        }
        register(&mut state.writer, cx);
        Poll::Pending
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn register(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *place = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}
