//! Who writes to the link, and when.
//!
//! Whoever has something to send encodes it under the lock and takes the pen, if it is free; it then
//! writes outside the lock, what others add meanwhile included. When the link takes no more, the
//! rest is parked for the driver.

use std::io;
use std::mem;
use std::sync::MutexGuard;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::error::SessionError;
use proto::session::Transmit;

use crate::clock;
use crate::session::shared::{Shared, State, Stop};

/// What a driver finds at the begin of a turn.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// What it was asked to do.
    pub(crate) stop: Option<Stop>,
    /// A rule that the peer broke.
    pub(crate) broken: Option<Box<SessionError>>,
    /// Something waits for the link to take more.
    pub(crate) is_parked: bool,
    /// So much waits for the peer that nothing more should be read from it.
    pub(crate) is_clogged: bool,
}

/// What a connection knows about its writing.
#[derive(Debug)]
pub(super) struct Writing {
    pen: Pen,
    /// Why writing failed, for the driver.
    error: Option<io::Error>,
    /// What is parked is there because the link took no more, and not only for the driver to go
    /// on with.
    is_refused: bool,
    /// Since when the link takes nothing, if something waits for it.
    stalled_since: Option<Instant>,
    /// Set until the driver's next turn, so that requests of many callers that were just woken
    /// leave together: since when none has left.
    corked: Option<Instant>,
    /// Events wait for the driver's next turn, for which it was woken, since the first of them was
    /// sent.
    deferred_micros: Option<u64>,
    /// When the last event was sent, by the clock that says so to the peer; 0 if the driver has had a
    /// turn since then.
    last_event_micros: u64,
}

/// Who writes. Whoever takes the pen writes what others add meanwhile, too.
#[derive(Debug)]
enum Pen {
    /// Nobody; an empty batch is there to be filled.
    Free(Transmit),
    /// A caller, or the driver.
    Taken,
    /// The driver, as soon as the link takes more.
    Parked(Transmit),
}

impl Writing {
    /// Nothing is to be written; `empty` is what batches are made of.
    pub(super) fn new(empty: Transmit) -> Self {
        Self {
            pen: Pen::Free(empty),
            error: None,
            is_refused: false,
            stalled_since: None,
            corked: None,
            deferred_micros: None,
            last_event_micros: 0,
        }
    }

    /// Takes note of an event; says whether it may wait: it follows another one closely, and none has
    /// waited long.
    fn defers(&mut self, micros: u64) -> bool {
        let last = mem::replace(&mut self.last_event_micros, micros);
        let first = *self.deferred_micros.get_or_insert(micros);
        let within = |since: u64, limit| micros.checked_sub(since).is_some_and(|it| it < limit);
        within(last, CLOSE_MICROS) && within(first, LONGEST_DEFERRED_MICROS)
    }

    /// What has been written is not waited for; what comes now may be.
    fn renew_cork(&mut self) {
        if let Some(since) = &mut self.corked {
            *since = clock::now();
        }
    }

    /// Holds nothing back any more; says whether something was.
    fn lift(&mut self) -> bool {
        let is_deferred = self.deferred_micros.take().is_some();
        // Whoever sends after it has waited for something, and may do so again.
        self.last_event_micros = 0;
        self.corked.take().is_some() || is_deferred
    }

    /// Whether somebody writes at this moment, and has not said how much.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.pen, Pen::Taken)
    }

    /// Whether something waits for the link to take more.
    pub(super) fn is_parked(&self) -> bool {
        matches!(self.pen, Pen::Parked(_))
    }
}

impl Shared {
    /// Ends a section in which something may have been queued: writes it, unless somebody else
    /// writes already or the driver soon does.
    pub(crate) fn flush(&self, mut state: MutexGuard<'_, State>) {
        let batch = if state.is_corked() {
            None
        } else {
            state.take_pen()
        };
        if batch.is_some() {
            state.writing.renew_cork();
        }
        self.leave(state);
        if let Some(batch) = batch {
            self.write(batch);
        }
    }

    /// Ends a section in which an event was queued: writes it, unless it follows another one closely.
    /// Then more will follow, and all leave together, in the driver's next turn or when there is
    /// enough for a write.
    pub(crate) fn flush_event(&self, mut state: MutexGuard<'_, State>, micros: u64) {
        if !state.writing.defers(micros) || state.send.pending_bytes() >= DEFERRED_BYTES {
            state.writing.deferred_micros = None;
            return self.flush(state);
        }
        // If it is not waiting, it has not had its next turn yet.
        let driver = state.driver.take();
        self.leave(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Writes, and what others add meanwhile, until nothing is left or the link takes no more.
    fn write(&self, mut batch: Transmit) {
        for _ in 0..ROUNDS {
            let mut written = 0;
            let result = self.writer.try_write(&mut batch, &mut written);
            match self.note_write(result, written, batch) {
                Some(next) => batch = next,
                None => return,
            }
        }
        // Whoever has written for others this long has done its share; the driver goes on.
        let mut state = self.lock();
        state.writing.pen = Pen::Parked(batch);
        self.leave(state);
    }

    /// Takes note of what came of a write; gives what is to be written next.
    fn note_write(
        &self,
        result: io::Result<()>,
        written: u64,
        mut batch: Transmit,
    ) -> Option<Transmit> {
        let mut state = self.lock();
        state.send.handle_written(written);
        let next = match result {
            Ok(()) => {
                let stalled = state.writing.stalled_since.take();
                if let (Some(since), Some(health)) = (stalled, &self.health) {
                    health.write_stalled(clock::now() - since);
                }
                if state.send.poll_transmit(&mut batch) {
                    Some(batch)
                } else {
                    state.writing.pen = Pen::Free(batch);
                    None
                }
            }
            Err(error) => {
                state.writing.pen = Pen::Parked(batch);
                state.note_refusal(error, written);
                None
            }
        };
        self.leave(state);
        next
    }

    /// Begins a turn of the driver: lifts the cork, and says what there is to do.
    ///
    /// # Errors
    ///
    /// Why writing failed, in a caller's hands.
    pub(crate) fn begin_turn(&self, cx: &Context<'_>) -> io::Result<Orders> {
        let mut state = self.lock();
        state.note_driver(cx.waker());
        if let Some(error) = state.writing.error.take() {
            return Err(error);
        }
        let orders = Orders {
            stop: state.stop(),
            broken: state.take_broken(),
            is_parked: state.writing.is_parked(),
            is_clogged: state.check_clogged(),
        };
        let is_held = state.writing.lift();
        if !orders.is_parked && is_held {
            self.flush(state);
        }
        Ok(orders)
    }

    /// Goes on with what was parked, as far as the link takes it.
    ///
    /// # Errors
    ///
    /// Why writing failed.
    pub(crate) fn write_parked(&self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            // A link that takes more says so only once it has refused something.
            if self.lock().writing.is_refused {
                match self.writer.poll_write_ready(cx) {
                    Poll::Ready(ready) => ready?,
                    Poll::Pending => return Ok(()),
                }
            }
            let Some(batch) = self.lock().take_parked() else {
                return Ok(());
            };
            self.write(batch);
            let mut state = self.lock();
            if let Some(error) = state.writing.error.take() {
                return Err(error);
            }
            if !state.writing.is_parked() {
                return Ok(());
            }
        }
    }

    /// Gives back what a burst left behind.
    pub(crate) fn shrink(&self) {
        self.writer.stop_waiting();
        self.lock().shrink();
    }

    /// Tells the peer that nothing follows.
    pub(crate) fn shutdown(&self) {
        self.writer.shutdown();
    }
}

impl State {
    /// Holds writes back until the driver's next turn.
    pub(crate) fn cork(&mut self, now: Instant) {
        self.writing.corked = Some(now);
    }

    /// Since when the link takes nothing, if something waits for it.
    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        self.writing.stalled_since
    }

    fn shrink(&mut self) {
        if let Pen::Free(batch) = &mut self.writing.pen {
            batch.shrink(0);
        }
        self.send.shrink();
    }

    /// Whether writes are held back: not for long, and not when there is enough for one.
    fn is_corked(&self) -> bool {
        self.writing.corked.is_some_and(|since| {
            self.send.pending_bytes() < CORKED_BYTES && clock::now() < since + LONGEST_CORK
        })
    }

    /// Takes the pen, if nobody has it and there is something to write.
    fn take_pen(&mut self) -> Option<Transmit> {
        let Pen::Free(batch) = &mut self.writing.pen else {
            return None;
        };
        if !self.send.poll_transmit(batch) {
            return None;
        }
        match mem::replace(&mut self.writing.pen, Pen::Taken) {
            Pen::Free(batch) => Some(batch),
            _ => None,
        }
    }

    /// Takes what was parked, and the pen with it.
    fn take_parked(&mut self) -> Option<Transmit> {
        match mem::replace(&mut self.writing.pen, Pen::Taken) {
            Pen::Parked(batch) => {
                self.writing.is_refused = false;
                Some(batch)
            }
            pen => {
                self.writing.pen = pen;
                None
            }
        }
    }

    /// Takes note of a link that took less than all.
    fn note_refusal(&mut self, error: io::Error, written: u64) {
        self.writing.is_refused = true;
        if error.kind() != io::ErrorKind::WouldBlock {
            self.writing.error = Some(error);
        }
        if written > 0 || self.writing.stalled_since.is_none() {
            self.writing.stalled_since = Some(clock::now());
        }
    }
}

/// A caller writes for others at most this often before the driver takes over.
const ROUNDS: usize = 16;
/// The longest that requests of callers that were woken together are held back.
const LONGEST_CORK: Duration = Duration::from_micros(50);
/// What makes a write worth while: some small requests. Waiting for more would leave the peer idle.
const CORKED_BYTES: u64 = 1024;
/// An event is probably one of many if the one before was sent less than this long ago.
const CLOSE_MICROS: u64 = 50;
/// The longest that an event waits while others are sent after it.
const LONGEST_DEFERRED_MICROS: u64 = 100;
/// What is not deferred any longer.
const DEFERRED_BYTES: u64 = 32 * 1024;
