//! Whose turn it is: streams with waiting data send one piece each, in turn
//! (docs/protocol.md, section 7).

use std::collections::VecDeque;

use crate::frame::{Flags, to_u64};
use crate::message::{Chunk, Failure, Response};
use crate::session::push::FRAGMENT_BYTES;
use crate::session::streams::{ITEM_BYTES, Item, Progress};
use crate::session::{Fate, Piece, Send, Transmit};
use crate::stream_id::StreamId;

/// Streams with something to send, and streams that can take more from the application.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    turns: VecDeque<StreamId>,
    writable: Vec<StreamId>,
}

impl Schedule {
    /// Gives no more turns to those that wait for one.
    pub(crate) fn clear(&mut self) {
        self.turns.clear();
    }
}

/// What came of a stream's turn.
enum Turn {
    Sent,
    /// The stream waits for its own credit, or has nothing to send.
    Over,
    /// The connection has no credit for it.
    Blocked,
}

impl<A> Send<A> {
    /// Hands over what is to be sent now, in exchange for an empty [`Transmit`] of the same sort;
    /// says whether there is anything.
    ///
    /// Small messages leave in the order in which they were made; large data fills up to
    /// 256 KiB around them, one piece per stream in turn.
    pub fn poll_transmit(&mut self, empty: &mut Transmit) -> bool {
        if let Some(owed) = self.streams.take_owed() {
            self.consume(StreamId::CONNECTION, owed);
        }
        let mut blocked = 0_usize;
        while self.outbox.pending_bytes() < TRANSMIT_BYTES && blocked < self.schedule.turns.len() {
            let Some(id) = self.schedule.turns.pop_front() else {
                break;
            };
            match self.take_turn(id) {
                Turn::Sent => blocked = 0,
                Turn::Over => {}
                Turn::Blocked => {
                    blocked = blocked.saturating_add(1);
                    self.schedule.turns.push_back(id);
                }
            }
        }
        if !self.outbox.is_empty() {
            self.outbox.swap(empty);
        }
        !empty.is_empty()
    }

    /// Counts bytes that the transport has taken.
    pub fn handle_written(&mut self, bytes: u64) {
        self.outbox.written = self.outbox.written.saturating_add(bytes);
    }

    /// Takes it that the transport has written all that it was handed, as somebody is still about it when
    /// the connection is lost: the peer may have handled any of it.
    pub fn presume_written(&mut self) {
        self.outbox.presume_written();
    }

    /// A stream that was full and takes more now.
    pub fn poll_writable(&mut self) -> Option<StreamId> {
        self.schedule.writable.pop()
    }

    /// Lets the stream take part, if it has something to send.
    pub(super) fn schedule(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if !stream.send.scheduled && !stream.send.queue.is_empty() {
            stream.send.scheduled = true;
            self.schedule.turns.push_back(id);
        }
    }

    fn take_turn(&mut self, id: StreamId) -> Turn {
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Over;
        };
        let turn = match stream.send.queue.pop_front() {
            None => Turn::Over,
            Some(Item::Piece(piece)) => self.send_chunk(id, piece),
            Some(Item::Response(response, continued)) => {
                self.send_response(id, response, continued)
            }
            Some(Item::Failure(failure)) => self.send_failure(id, *failure),
        };
        if matches!(turn, Turn::Blocked) {
            return turn;
        }
        if let Some(stream) = self.streams.get_mut(id) {
            stream.send.scheduled = false;
        }
        if matches!(turn, Turn::Sent) {
            self.schedule(id);
        }
        turn
    }

    fn send_chunk(&mut self, id: StreamId, mut piece: Piece) -> Turn {
        let connection = self.allowance.beyond(self.peer_limits.reserve_bytes());
        let (least, most) = self.chunk_bytes(&piece);
        let full = self.stream_buffer_bytes;
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Over;
        };
        let side = &mut stream.send;
        let credit = side.credit.left().min(connection);
        if credit < least {
            side.queue.push_front(Item::Piece(piece));
            return if connection < least {
                Turn::Blocked
            } else {
                Turn::Over
            };
        }
        let was_full = side.waiting_bytes().saturating_add(ITEM_BYTES) >= full;
        let length = piece.bytes.len().min(most).min(to_usize(credit));
        let mut chunk = Chunk::new(0, piece.bytes.split_to(length));
        chunk.compression = piece.compression;
        side.queued_bytes = side.queued_bytes.saturating_sub(length);
        let mut flags = Flags::CONTINUED;
        if !piece.bytes.is_empty() {
            side.queue.push_front(Item::Piece(piece));
        } else if !piece.continued {
            let last = side.queue.is_empty() && side.progress == Progress::Finishing;
            flags = Flags::END.when(last);
        }
        if was_full && side.waiting_bytes() < full {
            self.schedule.writable.push(id);
        }
        self.push_chunk(id, chunk, flags);
        Turn::Sent
    }

    /// The credit that the next chunk of a piece has to wait for, and the most bytes that it takes.
    ///
    /// To a peer that knows no continued items each chunk is one. What can be whole then waits for
    /// the credit to be whole: up to half of a window, so that it may be given back late. A
    /// compressed piece is always whole.
    fn chunk_bytes(&self, piece: &Piece) -> (u64, usize) {
        let length = piece.bytes.len();
        let limits = &self.peer_limits;
        let frame = u64::from(limits.max_frame_bytes);
        let connection = limits
            .connection_credit
            .saturating_sub(limits.reserve_bytes());
        let whole = frame.min(limits.stream_credit.min(connection) / 2);
        let is_cut = self.flags.contains(Flags::CONTINUED) || to_u64(length) > whole;
        if is_cut && piece.compression.is_none() {
            (1, FRAGMENT_BYTES.min(to_usize(frame)))
        } else {
            (to_u64(length).max(1), length)
        }
    }

    fn send_response(&mut self, id: StreamId, response: Response, continued: bool) -> Turn {
        let cost = self.response_cost(&response);
        let connection = self.allowance.left();
        let Some(stream) = self.streams.get_mut(id) else {
            return Turn::Over;
        };
        if stream.send.credit.left().min(connection) < cost {
            let waiting = Item::Response(response, continued);
            stream.send.queue.push_front(waiting);
            return if connection < cost {
                Turn::Blocked
            } else {
                Turn::Over
            };
        }
        self.push_response(id, response, continued);
        Turn::Sent
    }

    fn send_failure(&mut self, id: StreamId, failure: Failure) -> Turn {
        self.push_failure(id, failure, Fate::Finished);
        Turn::Sent
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What is gathered for one write beyond the small messages that wait anyway.
const TRANSMIT_BYTES: u64 = 256 * 1024;
