//! What goes out on a connection: written by whoever brings something, as long as the peer takes it.
//!
//! There is one *pen*. Who finds it taken goes away, because its holder looks again before it leaves.
//! When the peer takes nothing, the connection's task waits until it does.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use bytes::Buf;
use proto::frame::Segments;
use proto::frame::busrt::{FromBroker, Limits};
use tokio::sync::Notify;

use crate::bus::broker::{self, Farewell, Item, Queue};
use crate::transport::ByteWriter;

/// The sending side of a connection.
pub(super) struct Outlet {
    writer: Box<dyn ByteWriter>,
    pen: Mutex<Pen>,
    /// Tells the connection's task that others cannot go on.
    trouble: Notify,
    /// Tells it that its client is no member any more.
    dismissal: Notify,
}

struct Pen {
    /// What leaves next, as it was taken from the queue, and as it is sent.
    items: Vec<Item>,
    batch: Segments,
    /// Why only the connection's task may go on.
    stop: Option<Stop>,
}

enum Stop {
    /// Nothing leaves before the answer to the client's name.
    Opening,
    /// The peer takes nothing.
    Refused,
    /// Whoever wrote has done its share.
    Relieved,
    Broken(io::Error),
}

impl Outlet {
    pub(super) fn new(writer: Box<dyn ByteWriter>) -> Self {
        let pen = Pen {
            items: Vec::new(),
            batch: Segments::new(),
            stop: Some(Stop::Opening),
        };
        Self {
            writer,
            pen: Mutex::new(pen),
            trouble: Notify::new(),
            dismissal: Notify::new(),
        }
    }

    /// Sends what belongs to no queue, during the opening.
    pub(super) async fn say(&self, what: &FromBroker) -> io::Result<()> {
        let mut bytes = Segments::new();
        // None of it has a length or a text.
        what.encode(&Limits::default(), &mut bytes)
            .map_err(io::Error::other)?;
        while bytes.has_remaining() {
            match self.write(&mut bytes) {
                Some(Stop::Broken(error)) => return Err(error),
                Some(_) => poll_fn(|cx| self.writer.poll_write_ready(cx)).await?,
                None => {}
            }
        }
        Ok(())
    }

    /// The opening is over: what waits may leave.
    pub(super) fn open(&self, queue: &Queue) {
        self.lock().stop = None;
        self.flush(queue);
    }

    /// Writes what waits, unless somebody does already or nobody may.
    fn flush(&self, queue: &Queue) {
        for _ in 0..ROUNDS {
            let mut pen = match self.pen.try_lock() {
                Ok(pen) => pen,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Whoever has it looks again.
                Err(TryLockError::WouldBlock) => return,
            };
            if pen.stop.is_some() {
                return;
            }
            pen.stop = self.write_queued(&mut pen, queue);
            if pen.stop.is_some() {
                return self.trouble.notify_one();
            }
            drop(pen);
            if queue.is_empty() {
                return;
            }
        }
        self.lock().stop.get_or_insert(Stop::Relieved);
        self.trouble.notify_one();
    }

    fn write_queued(&self, pen: &mut Pen, queue: &Queue) -> Option<Stop> {
        for _ in 0..ROUNDS {
            if pen.batch.is_empty() && !pen.refill(queue) {
                pen.shrink();
                return None;
            }
            if let Some(stop) = self.write(&mut pen.batch) {
                return Some(stop);
            }
        }
        Some(Stop::Relieved)
    }

    fn write(&self, batch: &mut Segments) -> Option<Stop> {
        while batch.has_remaining() {
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = batch.chunks_vectored(&mut slices);
            match self
                .writer
                .try_write(slices.get(..count).unwrap_or_default())
            {
                Ok(taken) => batch.advance(taken),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Some(Stop::Refused);
                }
                Err(error) => return Some(Stop::Broken(error)),
            }
        }
        None
    }

    /// Goes on with what others had to leave, until the connection breaks.
    pub(super) async fn drive(&self, queue: &Queue) -> io::Error {
        loop {
            self.trouble.notified().await;
            if let Err(error) = self.go_on(queue).await {
                return error;
            }
            self.writer.stop_waiting();
        }
    }

    async fn go_on(&self, queue: &Queue) -> io::Result<()> {
        while let Some(stop) = self.stop() {
            self.relieve(stop).await?;
            self.open(queue);
        }
        Ok(())
    }

    /// Waits until it makes sense to go on.
    async fn relieve(&self, stop: Stop) -> io::Result<()> {
        match stop {
            Stop::Broken(error) => Err(error),
            Stop::Refused => poll_fn(|cx| self.writer.poll_write_ready(cx)).await,
            Stop::Relieved | Stop::Opening => {
                tokio::task::yield_now().await;
                Ok(())
            }
        }
    }

    /// Why others cannot go on; until they may, they cannot.
    fn stop(&self) -> Option<Stop> {
        let mut pen = self.lock();
        let stop = pen.stop.take();
        pen.stop = stop.as_ref().map(|_| Stop::Relieved);
        stop
    }

    /// Waits until the client is no member any more.
    pub(super) async fn dismissed(&self) {
        self.dismissal.notified().await;
    }

    /// Tells the peer that nothing follows.
    pub(super) fn close(&self) {
        self.writer.shutdown();
    }

    fn lock(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pen {
    /// Takes what leaves next from the queue; false if there is nothing.
    fn refill(&mut self, queue: &Queue) -> bool {
        queue.take(&mut self.items, BATCH_BYTES);
        for item in self.items.drain(..) {
            match item {
                Item::Message(message) => message.encode(&mut self.batch),
                Item::Ack { id, status } => {
                    encode(&FromBroker::Ack { id, status }, &mut self.batch);
                }
                Item::Ping => encode(&FromBroker::Ping, &mut self.batch),
                // There is no word for it.
                Item::Gap(_) => {}
            }
        }
        !self.batch.is_empty()
    }

    /// Gives back what an idle connection does not need.
    fn shrink(&mut self) {
        self.batch.shrink(KEPT_BYTES);
        if self.items.capacity() > KEPT_ITEMS {
            self.items = Vec::new();
        }
    }
}

fn encode(what: &FromBroker, batch: &mut Segments) {
    // It has neither a length nor a text that could be wrong.
    what.encode(&Limits::default(), batch).ok();
}

/// It belongs to the connection's task: with it, the socket ends.
impl broker::Outlet for Weak<Outlet> {
    fn flush(&self, queue: &Queue) {
        if let Some(outlet) = self.upgrade() {
            outlet.flush(queue);
        }
    }

    fn overflowed(&self) {
        self.leave();
    }
}

impl Farewell for Weak<Outlet> {
    fn leave(&self) {
        if let Some(outlet) = self.upgrade() {
            outlet.dismissal.notify_one();
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

/// Writes of one hand before another one goes on.
const ROUNDS: usize = 16;
/// What is written at once, about.
const BATCH_BYTES: usize = 64 * 1024;
const MOST_SLICES: usize = 32;
/// What an idle connection keeps of its buffers.
const KEPT_BYTES: usize = 1024;
const KEPT_ITEMS: usize = 16;
