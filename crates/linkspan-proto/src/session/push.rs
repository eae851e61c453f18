//! Frames on their way into the outbox, and what they cost.

use std::time::Instant;

use bytes::Bytes;

use crate::config::{Config, Limits};
use crate::error::SendError;
use crate::frame::{Compression, Flags, Frame, to_u64};
use crate::message::{Chunk, Event, Failure, Heartbeat, Message, Request, Response};
use crate::session::streams::{Item, Progress, Stream};
use crate::session::{Fate, Piece, Send};
use crate::stream_id::StreamId;

/// What comes after the first frame of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum After {
    /// Nothing: the direction ends with it.
    Nothing,
    /// Items, or an end.
    Items,
    /// The rest of its body, in [pieces](crate::session::Piece); only if the peer
    /// [takes them](crate::session::Agreement::has_pieces).
    Rest,
}

impl After {
    /// What the first frame says about it.
    pub(super) fn flags(self) -> Flags {
        match self {
            Self::Nothing => Flags::END,
            Self::Items => Flags::NONE,
            Self::Rest => Flags::CONTINUED,
        }
    }
}

impl<A> Send<A> {
    pub(super) fn push(&mut self, stream: StreamId, flags: Flags, message: Message) {
        let id = self.outbox.next_id();
        let flags = flags.with(message.wrapping()).only(self.flags);
        self.outbox.push(Frame::new(id, stream, flags, message));
        self.stats.frames_sent = id;
    }

    pub(super) fn push_heartbeat(&mut self, heartbeat: Heartbeat) {
        self.push(
            StreamId::CONNECTION,
            Flags::NONE,
            Message::Heartbeat(heartbeat),
        );
    }

    /// Pushes a response's head and queues the rest; credit was checked. The body goes on in the next
    /// piece if it is `continued`.
    pub(super) fn push_response(&mut self, id: StreamId, mut response: Response, continued: bool) {
        let room = self.head_room(head_bytes_of_response(&response));
        let rest = split_head(&mut response.body, room).map(|rest| Piece {
            bytes: rest,
            compression: None,
            continued,
        });
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let last = stream.send.queue.is_empty() && stream.send.progress == Progress::Finishing;
        let message = Message::Response(response);
        let cost = to_u64(message.payload_bytes());
        stream.send.credit.spend(cost);
        stream.send.ended = last && rest.is_none();
        self.allowance.spend(cost);
        let after = match (continued || rest.is_some(), last) {
            (true, _) => After::Rest,
            (false, true) => After::Nothing,
            (false, false) => After::Items,
        };
        self.push(id, after.flags(), message);
        if let Some(rest) = rest {
            self.requeue(id, rest);
        }
        self.streams.close_if_ended(id);
    }

    pub(super) fn push_chunk(&mut self, id: StreamId, mut chunk: Chunk, flags: Flags) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let side = &mut stream.send;
        let cost = to_u64(chunk.body.len().max(1));
        chunk.number = side.next_chunk;
        side.next_chunk = chunk.number.saturating_add(1);
        side.credit.spend(cost);
        side.ended = flags.contains(Flags::END);
        self.allowance.spend(cost);
        self.push(id, flags, Message::Chunk(chunk));
        self.streams.close_if_ended(id);
    }

    pub(super) fn push_end(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.send.ended = true;
        self.push(id, Flags::NONE, Message::End);
        self.streams.close_if_ended(id);
    }

    pub(super) fn push_failure(&mut self, id: StreamId, failure: Failure, fate: Fate) {
        self.push(id, Flags::NONE, Message::Error(Box::new(failure)));
        self.streams.close(id, fate);
    }

    pub(super) fn note_deadline(&mut self, deadline: Option<Instant>) {
        self.next_deadline = match (self.next_deadline, deadline) {
            (Some(next), Some(new)) => Some(next.min(new)),
            (next, new) => next.or(new),
        };
    }

    /// The stream, if something may still be sent on it.
    pub(super) fn open_side(&mut self, id: StreamId) -> Result<&mut Stream<A>, SendError> {
        let stream = self.streams.get_mut(id).ok_or(SendError::Closed)?;
        match stream.send.progress {
            Progress::Stopped(reason) => Err(SendError::Stopped(reason)),
            Progress::Open if !stream.send.ended => Ok(stream),
            _ => Err(SendError::Closed),
        }
    }

    /// Whether the peer takes what is sealed, if it is.
    pub(super) fn check_sealed(&self, is_sealed: bool) -> Result<(), SendError> {
        if is_sealed && !self.flags.contains(Flags::SEALED) {
            let feature = Config::SEALED;
            return Err(SendError::NotAgreed { feature });
        }
        Ok(())
    }

    /// Whether the peer takes what is compressed, if it is, and it fits into `room` bytes: it cannot
    /// be cut.
    pub(super) fn check_compressed(
        &self,
        compression: Option<Compression>,
        body: &Bytes,
        room: usize,
    ) -> Result<(), SendError> {
        let Some(compression) = compression else {
            return Ok(());
        };
        if !self.flags.contains(compression.flag()) {
            let feature = compression.name();
            return Err(SendError::NotAgreed { feature });
        }
        if body.len() > room {
            let (bytes, limit) = (to_u64(body.len()), to_u64(room));
            return Err(SendError::TooLarge { bytes, limit });
        }
        Ok(())
    }

    /// Whether the peer takes a response, and its head fits into a frame.
    pub(super) fn check_response(&self, response: &Response) -> Result<(), SendError> {
        self.check_sealed(response.sealed)?;
        let head = head_bytes_of_response(response);
        self.check_head(head)?;
        self.check_compressed(response.compression, &response.body, self.head_room(head))
    }

    /// Credit that the first frame of a response costs.
    pub(super) fn response_cost(&self, response: &Response) -> u64 {
        let head = head_bytes_of_response(response);
        to_u64(head.saturating_add(response.body.len().min(self.head_room(head))))
    }

    pub(super) fn has_buffer(&self) -> bool {
        self.outbox.pending_bytes() < self.send_buffer_bytes
    }

    pub(super) fn spend(&mut self, stream: &mut Stream<A>, message: &Message) {
        let cost = to_u64(message.payload_bytes());
        stream.send.credit.spend(cost);
        self.allowance.spend(cost);
    }

    /// Queues what did not fit into the opening frame of a stream.
    pub(super) fn queue_rest(&mut self, id: StreamId, rest: Option<Piece>, end: bool) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if end {
            stream.send.progress = Progress::Finishing;
            stream.send.ended = rest.is_none();
        }
        if let Some(rest) = rest {
            self.requeue(id, rest);
        }
    }

    /// Puts the rest of a body before all else that waits on the stream.
    fn requeue(&mut self, id: StreamId, rest: Piece) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.send.queued_bytes = stream.send.queued_bytes.saturating_add(rest.bytes.len());
        stream.send.queue.push_front(Item::Piece(rest));
        self.schedule(id);
    }

    /// Bytes of a body that fit into a frame behind `head` bytes of other things.
    pub(super) fn head_room(&self, head: usize) -> usize {
        head_room(&self.peer_limits, head)
    }

    pub(super) fn check_head(&self, head: usize) -> Result<(), SendError> {
        let limit = self
            .peer_limits
            .stream_credit
            .min(self.peer_limits.max_frame_bytes.into());
        let bytes = to_u64(head);
        if bytes > limit {
            Err(SendError::TooLarge { bytes, limit })
        } else {
            Ok(())
        }
    }
}

/// Cuts a body so that its first part has at most `room` bytes; gives the second.
pub(super) fn split_head(body: &mut Bytes, room: usize) -> Option<Bytes> {
    (body.len() > room).then(|| body.split_off(room))
}

/// Bytes of a body that fit into a frame of a peer with these limits, behind `head` bytes.
pub(super) fn head_room(limits: &Limits, head: usize) -> usize {
    let frame = usize::try_from(limits.max_frame_bytes).unwrap_or(usize::MAX);
    let credit = usize::try_from(limits.stream_credit).unwrap_or(usize::MAX);
    frame.min(credit).saturating_sub(head).min(FRAGMENT_BYTES)
}

pub(super) fn head_bytes_of_request(request: &Request) -> usize {
    let metadata = request
        .metadata
        .as_ref()
        .map_or(0, |metadata| metadata.encoded_bytes());
    request
        .method
        .len()
        .saturating_add(size_of::<u16>())
        .saturating_add(metadata)
}

pub(super) fn head_bytes_of_response(response: &Response) -> usize {
    response
        .metadata
        .as_ref()
        .map_or(0, |metadata| metadata.encoded_bytes())
}

/// Credit that an event costs.
pub(super) fn event_cost(event: &Event) -> u64 {
    let metadata = event
        .metadata
        .as_ref()
        .map_or(0, |metadata| metadata.encoded_bytes());
    let head = event.topic.len().saturating_add(size_of::<u16>());
    to_u64(
        head.saturating_add(metadata)
            .saturating_add(event.body.len()),
    )
}

pub(super) fn check_name(bytes: usize) -> Result<(), SendError> {
    let limit = u64::from(u16::MAX);
    let bytes = to_u64(bytes);
    if bytes > limit {
        Err(SendError::TooLarge { bytes, limit })
    } else {
        Ok(())
    }
}

/// Longest piece of a body in one frame: long enough to be efficient, short enough that a small
/// call never waits long behind one.
pub(super) const FRAGMENT_BYTES: usize = 64 * 1024;
/// A response or failure without a body to speak of.
pub(super) const SMALL_FRAME_BYTES: u64 = 512;
