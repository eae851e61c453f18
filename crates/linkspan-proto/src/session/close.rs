//! How streams end: by themselves, by time, with the connection (docs/protocol.md, section 9).

use std::time::Instant;

use crate::error::{Category, Code, SessionError};
use crate::frame::Flags;
use crate::message::{Cancel, CancelReason, Failure, Heartbeat, Message};
use crate::session::Send;
use crate::session::streams::{Answer, Stream};
use crate::stream_id::{Role, StreamId};

/// A stream that is over, with what the driver had attached to it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Closed<A> {
    /// The stream.
    pub stream: StreamId,
    /// What [`Send::attach`](crate::session::Send::attach) attached.
    pub attachment: Option<A>,
    /// How it ended.
    pub fate: Fate,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Both directions came to their end, or one side failed and said so.
    Finished,
    /// It was given up, here or by the peer.
    Cancelled,
    /// Its deadline passed.
    Expired,
    /// It was opened here, and the peer never handled it: it may be opened again elsewhere.
    NotAccepted,
    /// The session ended, and nobody knows how far the stream had come.
    Unknown,
}

impl<A> Send<A> {
    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.keepalive.due(), self.next_deadline) {
            (Some(keepalive), Some(deadline)) => Some(keepalive.min(deadline)),
            (keepalive, deadline) => keepalive.or(deadline),
        }
    }

    /// Does what is due: ends streams whose deadline has passed, asks a silent peer.
    ///
    /// # Errors
    ///
    /// [`SessionError::Silent`] if the peer has to be given up.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        if self.next_deadline.is_some_and(|deadline| deadline <= now) {
            self.expire_streams(now);
        }
        if self.keepalive.handle_timeout(now)? {
            self.push_heartbeat(Heartbeat::Ask);
        }
        Ok(())
    }

    /// Takes note that the peer sent bytes, even if they are no whole frame yet.
    pub fn handle_bytes(&mut self, now: Instant) {
        self.keepalive.on_heard(now);
    }

    /// Takes out a stream that has closed, with what was attached to it.
    pub fn reap(&mut self) -> Option<Closed<A>> {
        self.streams.reap()
    }

    /// Closes all streams because the connection is gone; each is then there to be reaped.
    pub fn close(&mut self) {
        let open: Vec<_> = self
            .streams
            .iter_open()
            .map(|(id, stream)| (id, self.fate(id, stream)))
            .collect();
        for (id, fate) in open {
            self.streams.close(id, fate);
        }
    }

    /// Whether nothing is left to do: no stream is open, nothing waits to be written.
    pub fn is_drained(&self) -> bool {
        let open = self
            .streams
            .open(Role::Client)
            .max(self.streams.open(Role::Server));
        open == 0 && self.outbox.pending_bytes() == 0
    }

    /// Whether everything that was sent has been given to the transport.
    pub fn is_flushed(&self) -> bool {
        self.outbox.pending_bytes() == 0
    }

    /// Fails all streams of the peer's that are open; says how many there were.
    pub fn fail_handled(&mut self, failure: &Failure) -> usize {
        let peer = self.role.peer();
        let open = self.streams.iter_open().map(|(id, _)| id);
        let handled: Vec<_> = open.filter(|id| id.opener() == Some(peer)).collect();
        for id in &handled {
            self.push_failure(*id, failure.clone(), Fate::Cancelled);
        }
        handled.len()
    }

    /// What became of an open stream when the connection went.
    fn fate(&self, id: StreamId, stream: &Stream<A>) -> Fate {
        let opened_here = id.opener() == Some(self.role);
        // A frame of which not even the last byte was given to the transport was not handled.
        let unsent = stream.opened_at > self.outbox.written;
        // The answer may come before the transport has said what it took.
        let is_unanswered = matches!(stream.recv.answer, Answer::Awaited);
        if opened_here && unsent && is_unanswered {
            Fate::NotAccepted
        } else {
            Fate::Unknown
        }
    }

    /// Deadlines are noted as a lower bound only, which costs nothing per stream; the bound is
    /// made exact here, when it is reached.
    fn expire_streams(&mut self, now: Instant) {
        self.next_deadline = None;
        let mut expired = Vec::new();
        let mut next = None;
        for (id, stream) in self.streams.iter_open() {
            let Some(deadline) = stream.deadline else {
                continue;
            };
            if deadline <= now {
                expired.push(id);
            } else {
                next = Some(next.map_or(deadline, |next: Instant| next.min(deadline)));
            }
        }
        self.next_deadline = next;
        for id in expired {
            self.expire(id);
        }
    }

    fn expire(&mut self, id: StreamId) {
        if id.opener() == Some(self.role) {
            self.push(
                id,
                Flags::NONE,
                Message::Cancel(Cancel::new(CancelReason::Deadline)),
            );
            self.streams.close(id, Fate::Expired);
        } else {
            let failure = Failure::new(
                Category::Deadline,
                Code::DEADLINE_EXCEEDED,
                "the deadline passed before the answer was complete",
            );
            self.push_failure(id, failure, Fate::Expired);
        }
    }
}
