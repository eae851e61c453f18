//! The ends of a queue of bytes that threads hold.

use std::io;
use std::sync::{Condvar, MutexGuard, PoisonError};

use bytes::BytesMut;

use crate::transport::queue::{Queue, State, wake};

impl Queue {
    /// Ends the queue for both sides; whoever uses it next is told why.
    pub(crate) fn fail(&self, error: io::Error) {
        self.change(|state| {
            state.error = Some(error);
            state.is_ended = true;
            state.is_abandoned = true;
        });
    }

    /// Whether nothing follows.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().is_ended
    }

    /// Keeps the calling thread until there is room; false if nobody reads any more.
    pub(crate) fn wait_for_room(&self) -> bool {
        let mut state = self.lock();
        while !state.is_abandoned && state.bytes.len() >= self.capacity {
            state = wait(&self.changed, state);
        }
        !state.is_abandoned
    }

    /// Adds what `receive` gives, which may take as much as its second argument says; says how much
    /// that was. What it takes from elsewhere is in the queue before anybody else looks.
    pub(crate) fn fill(
        &self,
        receive: impl FnOnce(&mut BytesMut, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut state = self.lock();
        let room = self
            .capacity
            .saturating_sub(state.bytes.len())
            .min(PIECE_BYTES);
        state.bytes.reserve(room);
        let count = receive(&mut state.bytes, room)?;
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Ok(count)
    }

    /// Takes what is in the queue; if there is nothing, what `receive` gives at once.
    pub(crate) fn take_now(
        &self,
        buffer: &mut BytesMut,
        limit: usize,
        receive: impl FnOnce(&mut BytesMut, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut state = self.lock();
        if let Some(taken) = state.take(buffer, limit) {
            self.taken(state);
            return taken;
        }
        receive(buffer, limit)
    }

    /// Keeps the calling thread until there are bytes, and swaps them with the empty `taken`; false
    /// at the end.
    pub(crate) fn read_blocking(&self, taken: &mut BytesMut) -> bool {
        let mut state = self.lock();
        while state.bytes.is_empty() {
            if state.is_ended || state.is_abandoned {
                return false;
            }
            state = wait(&self.changed, state);
        }
        std::mem::swap(&mut state.bytes, taken);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        true
    }
}

fn wait<'a>(changed: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    changed.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// The most that a thread adds at once.
const PIECE_BYTES: usize = 16 * 1024;
