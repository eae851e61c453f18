//! What has come for one command and was not looked at yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::daemon::client::Lost;
use crate::daemon::wire::{Busy, CommandError, Outcome, Stream};

/// Events of one command, in their order.
///
/// The data among them is bounded by the credit that the daemon has for the two streams.
#[derive(Debug)]
pub(super) struct Slot {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    /// What the daemon may still send of stdout and stderr.
    stdout_credit: u64,
    stderr_credit: u64,
}

/// What the daemon says about a command.
#[derive(Debug)]
pub(super) enum Event {
    Accepted,
    /// A part of stdout or stderr.
    Output(Stream, BytesMut),
    /// The same by reference, because it is long.
    Shared(Stream, Bytes),
    /// So much more of stdin may be sent.
    StdinCredit(u64),
    Error(CommandError),
    /// The last one.
    End(End),
}

/// How a command came to its end, as far as this side knows.
#[derive(Debug, Clone)]
pub(super) enum End {
    Exit(Outcome),
    Busy(Busy),
    Lost(Lost),
}

impl Slot {
    /// A slot whose streams begin with so much credit each.
    pub(super) fn new(stream_credit: u64) -> Self {
        let state = State {
            events: VecDeque::new(),
            stdout_credit: stream_credit,
            stderr_credit: stream_credit,
        };
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn push(&self, event: Event) {
        self.lock().events.push_back(event);
        self.changed.notify_one();
    }

    /// Adds data of a stream; false if the daemon had no credit for it.
    pub(super) fn push_data(&self, stream: Stream, data: Bytes) -> bool {
        let mut state = self.lock();
        let Some(left) = left(&mut state, stream, data.len()) else {
            return false;
        };
        *left.0 = left.1;
        match state.events.back_mut() {
            // Many small pieces must not cost more than their bytes.
            Some(Event::Output(last, gathered)) if *last == stream && data.len() < SHARE_BYTES => {
                gathered.extend_from_slice(&data);
            }
            _ if data.len() < SHARE_BYTES => {
                let event = Event::Output(stream, BytesMut::from(&data[..]));
                state.events.push_back(event);
            }
            _ => state.events.push_back(Event::Shared(stream, data)),
        }
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Notes that the daemon is given more.
    pub(super) fn grant(&self, stream: Stream, bytes: u64) {
        let mut state = self.lock();
        if let Some(credit) = credit(&mut state, stream) {
            *credit = credit.saturating_add(bytes);
        }
    }

    /// The next event.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&self) -> Event {
        loop {
            let event = self.lock().events.pop_front();
            if let Some(event) = event {
                return event;
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The credit of a stream, and what is left of it after so many bytes.
fn left(state: &mut State, stream: Stream, bytes: usize) -> Option<(&mut u64, u64)> {
    let credit = credit(state, stream)?;
    let left = credit.checked_sub(u64::try_from(bytes).ok()?)?;
    Some((credit, left))
}

fn credit(state: &mut State, stream: Stream) -> Option<&mut u64> {
    match stream {
        Stream::Stdout => Some(&mut state.stdout_credit),
        Stream::Stderr => Some(&mut state.stderr_credit),
        Stream::Stdin => None,
    }
}

/// Pieces from this length on are kept as they came.
const SHARE_BYTES: usize = 16 * 1024;
