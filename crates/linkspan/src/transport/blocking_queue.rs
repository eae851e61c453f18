//! The ends of a queue of bytes that threads hold.

use std::io;
use std::sync::{Condvar, MutexGuard, PoisonError};

use bytes::{BufMut, BytesMut};

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

    /// Keeps the calling thread until all of `bytes` is taken; false if nobody reads any more.
    pub(crate) fn write_blocking(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let mut state = self.lock();
            while !state.is_abandoned && state.bytes.len() >= self.capacity {
                state = wait(&self.changed, state);
            }
            if state.is_abandoned {
                return false;
            }
            let room = self.capacity - state.bytes.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            state.bytes.put_slice(now);
            bytes = later;
            let reader = state.reader.take();
            drop(state);
            wake(reader);
        }
        true
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
