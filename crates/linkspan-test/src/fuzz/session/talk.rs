//! What a program knows of one of its streams.

use std::collections::BTreeSet;

use bytes::Bytes;
use proto::frame::Flags;
use proto::session::Fate;

use crate::fuzz::session::op::body;

/// One side's view of a stream, kept after it closed.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The request went out, or was answered: data may follow.
    pub(super) may_send: bool,
    pub(super) sent: Line,
    pub(super) received: Line,
    /// What was received and not read, in bytes of credit.
    pub(super) unread: u64,
    pub(super) fate: Option<Fate>,
    /// One side gave up before the end, so that items may be missing.
    pub(super) cut: bool,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Bytes of all bodies so far.
    pub(super) bytes: usize,
    /// Lengths of the items that are complete: first the request or response, then the others.
    pub(super) items: Vec<usize>,
    /// Length of the item that goes on.
    begun: usize,
    /// The application or the peer ended it.
    pub(super) ended: bool,
}

impl Line {
    /// The body of the next item of this length.
    pub(super) fn next_body(&self, length: usize) -> Bytes {
        body(self.bytes, length)
    }

    /// Notes an item that was sent.
    pub(super) fn note_sent(&mut self, length: usize, end: bool) {
        self.bytes += length;
        self.items.push(length);
        self.ended |= end;
    }

    /// Notes a piece that came, and checks that it is the one that had to come.
    pub(super) fn note_received(&mut self, piece: &Bytes, flags: Flags) {
        assert!(!self.ended, "data after the end");
        assert_eq!(
            *piece,
            body(self.bytes, piece.len()),
            "other data than was sent"
        );
        self.bytes += piece.len();
        self.begun += piece.len();
        self.ended = flags.contains(Flags::END);
        if flags.contains(Flags::CONTINUED) {
            assert!(!self.ended, "an item that goes on after the end");
        } else {
            self.items.push(std::mem::take(&mut self.begun));
        }
    }
}

impl Talk {
    /// Checks what one side received against what the other sent; `joined` if the flag `continued`
    /// keeps the pieces of an item together.
    pub(super) fn check_received_from(&self, peer: &Self, joined: bool) {
        let (received, sent) = (&self.received.items, &peer.sent.items);
        let whole = |talk: &Self| !talk.cut && talk.fate == Some(Fate::Finished);
        let is_whole = whole(self) && whole(peer);
        if joined {
            assert!(sent.starts_with(received), "{received:?} of {sent:?}");
            assert!(!is_whole || received.len() == sent.len());
        } else {
            let ends = borders(received);
            let kept = borders(sent).into_iter().filter(|end| ends.contains(end));
            let arrived = ends.last().copied().unwrap_or_default();
            let sent_so_far = borders(sent).into_iter().filter(|end| *end <= arrived);
            assert!(kept.eq(sent_so_far), "{received:?} of {sent:?}");
            assert!(!is_whole || self.received.bytes == peer.sent.bytes);
        }
        assert!(!is_whole || self.received.ended == peer.sent.ended);
    }
}

/// Where items of these lengths end; empty ones at the beginning leave no trace in the bytes.
fn borders(lengths: &[usize]) -> BTreeSet<usize> {
    let mut end = 0;
    let ends = lengths.iter().map(|length| {
        end += length;
        end
    });
    ends.filter(|end| *end > 0).collect()
}
