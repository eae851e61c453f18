//! What waits for the transport.

use std::collections::VecDeque;

use bytes::{Buf, BufMut};

use crate::frame::{Checksum, Frame, Segments, to_u64};
use crate::session::Agreement;

/// Something for the transport to send: bytes for a socket, frames for a queue in this process.
#[derive(Debug)]
#[non_exhaustive]
pub enum Transmit {
    /// Encoded frames.
    Segments(Segments),
    /// Frames by value.
    Frames(VecDeque<Frame>),
}

impl Transmit {
    /// Nothing, for a transport that moves bytes.
    pub fn bytes() -> Self {
        Self::Segments(Segments::new())
    }

    /// Nothing, for a transport that moves frames.
    pub fn frames() -> Self {
        Self::Frames(VecDeque::new())
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Segments(segments) => segments.is_empty(),
            Self::Frames(frames) => frames.is_empty(),
        }
    }

    /// Bytes that are left to send; frames count as long as they would be on the wire.
    pub fn remaining_bytes(&self) -> u64 {
        match self {
            Self::Segments(segments) => to_u64(segments.remaining()),
            Self::Frames(frames) => frames.iter().map(Frame::wire_bytes).sum(),
        }
    }

    /// Moves the bytes to the end of `out`; frames by value are dropped.
    pub(crate) fn write_to(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Segments(segments) => out.put(segments),
            Self::Frames(frames) => frames.clear(),
        }
    }

    /// Gives memory back that a burst left behind, if nothing is held.
    pub fn shrink(&mut self, keep_bytes: usize) {
        match self {
            Self::Segments(segments) => segments.shrink(keep_bytes),
            Self::Frames(frames) if frames.is_empty() => frames.shrink_to(0),
            Self::Frames(_) => {}
        }
    }
}

/// Frames that were sent by the session and not yet taken by the transport.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Transmit,
    version: u8,
    checksum: Checksum,
    /// Bytes put in since the session began.
    pub(crate) pushed: u64,
    /// Bytes of them that the transport was given.
    given: u64,
    /// Bytes that the transport has written since then.
    pub(crate) written: u64,
    /// Number of the last frame.
    last_id: u64,
}

impl Outbox {
    pub(crate) fn new(agreement: &Agreement, empty: Transmit) -> Self {
        Self {
            waiting: empty,
            version: agreement.version,
            checksum: agreement.checksum,
            pushed: 0,
            given: 0,
            written: 0,
            last_id: agreement.sent,
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.pushed = self.pushed.saturating_add(frame.wire_bytes());
        match &mut self.waiting {
            Transmit::Segments(segments) => frame.encode(self.version, self.checksum, segments),
            Transmit::Frames(frames) => frames.push_back(frame),
        }
    }

    /// Bytes that were not written yet, whether they wait here or in the transport's hands.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pushed.saturating_sub(self.written)
    }

    /// Takes it that the transport has written all that it was given.
    pub(crate) fn presume_written(&mut self) {
        self.written = self.written.max(self.given);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives memory back, if nothing waits.
    pub(crate) fn shrink(&mut self) {
        self.waiting.shrink(0);
    }

    /// Hands everything over in exchange for an empty one.
    pub(crate) fn swap(&mut self, empty: &mut Transmit) {
        debug_assert!(empty.is_empty(), "the transport still holds bytes");
        std::mem::swap(&mut self.waiting, empty);
        self.given = self.pushed;
    }
}
