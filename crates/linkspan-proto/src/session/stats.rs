//! What a session counts, and what can be asked about it.

use crate::config::Limits;
use crate::session::Send;
use crate::session::push::SMALL_FRAME_BYTES;
use crate::stream_id::Role;

/// Figures since the session began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Bytes given to the transport.
    pub bytes_sent: u64,
    /// Streams that this side opened.
    pub streams_opened: u64,
    /// Streams that the peer opened.
    pub streams_accepted: u64,
    /// Streams of this side that are open now.
    pub streams_open: u32,
    /// Streams of the peer that are open now.
    pub streams_handled: u32,
}

impl<A> Send<A> {
    /// The side that this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What the peer takes.
    pub fn peer_limits(&self) -> Limits {
        self.peer_limits
    }

    /// Whether a small request would find a stream, credit and buffer now.
    pub fn has_room(&self) -> bool {
        self.streams.open(self.role) < self.peer_limits.max_streams
            && self.allowance.left() > 0
            && self.has_buffer()
    }

    /// Whether a small event would find credit and buffer now.
    pub fn has_event_room(&self) -> bool {
        self.allowance.beyond(self.peer_limits.reserve_bytes()) > 0 && self.has_buffer()
    }

    /// Whether one side said goodbye.
    pub fn is_going_away(&self) -> bool {
        self.goodbye_sent.is_some() || self.goodbye_received.is_some()
    }

    /// Encoded bytes that the transport has not taken yet.
    pub fn pending_bytes(&self) -> u64 {
        self.outbox.pending_bytes()
    }

    /// Whether the peer leaves so much unread that nothing more should be read from it: what it
    /// asks for would have to be kept.
    ///
    /// A peer that reads never gets here. One that does not runs into the write limit.
    pub fn is_clogged(&self) -> bool {
        // The peer says what it takes; it is believed as far as this side would take as much.
        let credit = self
            .peer_limits
            .connection_credit
            .min(self.limits.connection_credit);
        let fair = self
            .send_buffer_bytes
            .saturating_add(credit)
            .saturating_add(u64::from(self.limits.max_streams).saturating_mul(SMALL_FRAME_BYTES));
        self.outbox.pending_bytes() > fair
    }

    /// Gives memory back that a burst left behind.
    pub fn shrink(&mut self) {
        self.outbox.shrink();
        self.streams.shrink();
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.streams_open = self.streams.open(self.role);
        stats.streams_handled = self.streams.open(self.role.peer());
        stats.bytes_sent = self.outbox.written;
        stats
    }
}
