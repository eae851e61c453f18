//! The sending half: what the application wants to send, and all streams.

use std::time::Instant;

use bytes::Bytes;

use crate::config::Limits;
use crate::error::SendError;
use crate::frame::{Flags, to_u64};
use crate::message::{
    Cancel, CancelReason, Credit, Event, Failure, Goodbye, Message, Request, Response,
};
use crate::session::credit::{Allowance, Window};
use crate::session::keepalive::Keepalive;
use crate::session::outbox::Outbox;
use crate::session::push::{check_name, event_cost, head_bytes_of_request, split_head};
use crate::session::schedule::Schedule;
use crate::session::streams::{Item, Progress, Stream, Streams};
use crate::session::{After, Agreement, Fate, Piece, Stats, Transmit};
use crate::stream_id::{Role, StreamId};

/// Owns the streams of a session and decides what is sent when.
///
/// Methods are of four sorts: what the application wants ([`open`](Self::open),
/// [`respond`](Self::respond), [`send_item`](Self::send_item), ...), what happened
/// ([`apply`](Self::apply), `handle_*`), what to do next (`poll_*`, [`reap`](Self::reap)), and
/// questions. None waits: [`SendError::Blocked`] says that the same call may succeed after the next
/// `apply` or `handle_written`.
///
/// `A` is whatever a driver wants to find again when something happens on a stream.
#[derive(Debug)]
pub struct Send<A> {
    pub(super) role: Role,
    pub(super) limits: Limits,
    pub(super) peer_limits: Limits,
    /// Flags that were agreed on.
    pub(super) flags: Flags,
    pub(super) send_buffer_bytes: u64,
    pub(super) stream_buffer_bytes: usize,
    pub(super) streams: Streams<A>,
    /// The stream that is opened next.
    pub(super) next_stream: Option<StreamId>,
    /// What may be sent on the connection.
    pub(super) allowance: Allowance,
    /// What the peer may send on the connection.
    pub(super) window: Window,
    pub(super) outbox: Outbox,
    pub(super) schedule: Schedule,
    pub(super) keepalive: Keepalive,
    /// No stream that is open has an earlier deadline.
    pub(super) next_deadline: Option<Instant>,
    /// The last stream of the peer's that is handled, once goodbye was said.
    pub(super) goodbye_sent: Option<StreamId>,
    /// The last stream of ours that the peer handles, once it said goodbye.
    pub(super) goodbye_received: Option<StreamId>,
    pub(super) stats: Stats,
}

impl<A> Send<A> {
    pub(crate) fn new(agreement: &Agreement, now: Instant, empty: Transmit) -> Self {
        let config = &agreement.config;
        Self {
            role: agreement.role,
            limits: config.limits,
            peer_limits: agreement.peer_limits,
            flags: agreement.flags(),
            send_buffer_bytes: to_u64(config.send_buffer_bytes),
            stream_buffer_bytes: config.stream_buffer_bytes,
            streams: Streams::default(),
            next_stream: Some(StreamId::first(agreement.role)),
            allowance: Allowance::new(agreement.peer_limits.connection_credit),
            window: connection_window(&config.limits),
            outbox: Outbox::new(agreement, empty),
            schedule: Schedule::default(),
            keepalive: Keepalive::new(now, config.heartbeat_interval, config.heartbeat_misses),
            next_deadline: None,
            goodbye_sent: None,
            goodbye_received: None,
            stats: Stats {
                frames_sent: agreement.sent,
                frames_received: agreement.received,
                ..Stats::default()
            },
        }
    }

    /// Opens a stream with a request; `end` if no data follows.
    ///
    /// A body of more than 64 KiB goes on in chunks by itself. The deadline is `now` and the
    /// request's timeout.
    ///
    /// # Errors
    ///
    /// Those of [`can_open`](Self::can_open).
    pub fn open(
        &mut self,
        now: Instant,
        request: Request,
        end: bool,
    ) -> Result<StreamId, SendError> {
        let after = if end { After::Nothing } else { After::Items };
        self.open_with(now, request, after)
    }

    /// The same, where the rest of the body may come in pieces of the caller's making, by
    /// [`send_piece`](Self::send_piece).
    ///
    /// # Errors
    ///
    /// Those of [`can_open`](Self::can_open).
    pub fn open_with(
        &mut self,
        now: Instant,
        mut request: Request,
        after: After,
    ) -> Result<StreamId, SendError> {
        self.can_open(&request)?;
        let id = self.next_stream.ok_or(SendError::GoingAway)?;
        self.next_stream = id.next();
        let deadline = request.timeout.and_then(|timeout| now.checked_add(timeout));
        let mut stream = Stream::new(
            deadline,
            self.peer_limits.stream_credit,
            self.limits.stream_credit,
        );
        self.note_deadline(deadline);

        let room = self.head_room(head_bytes_of_request(&request));
        let rest = split_head(&mut request.body, room).map(|rest| Piece {
            bytes: rest,
            compression: None,
            continued: after == After::Rest,
        });
        let message = Message::Request(request);
        self.spend(&mut stream, &message);
        let first = rest.as_ref().map_or(after, |_| After::Rest);
        self.push(id, first.flags(), message);
        stream.opened_at = self.outbox.pushed;
        self.stats.streams_opened = self.stats.streams_opened.saturating_add(1);
        self.streams.insert(id, stream);
        self.queue_rest(id, rest, after == After::Nothing);
        Ok(id)
    }

    /// Whether [`open`](Self::open) would succeed now.
    ///
    /// # Errors
    ///
    /// - [`SendError::GoingAway`]: one side said goodbye.
    /// - [`SendError::Deadline`]: the request's timeout is zero.
    /// - [`SendError::NotAgreed`]: the body is sealed or compressed, and the peer does not know that.
    /// - [`SendError::TooLarge`]: the method's name and the metadata do not fit into a frame, or a
    ///   compressed body does not with them.
    /// - [`SendError::Blocked`]: streams, credit or buffer are used up for now.
    pub fn can_open(&self, request: &Request) -> Result<(), SendError> {
        if self.goodbye_received.is_some() || self.next_stream.is_none() {
            return Err(SendError::GoingAway);
        }
        if request.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(SendError::Deadline);
        }
        self.check_sealed(request.sealed)?;
        let head = head_bytes_of_request(request);
        check_name(request.method.len())?;
        self.check_head(head)?;
        let room = self.head_room(head);
        self.check_compressed(request.compression, &request.body, room)?;
        let cost = to_u64(head.saturating_add(request.body.len().min(room)));
        let has_room = self.streams.open(self.role) < self.peer_limits.max_streams
            && self.allowance.left() >= cost
            && self.has_buffer();
        if has_room {
            Ok(())
        } else {
            Err(SendError::Blocked)
        }
    }

    /// Attaches something to a stream that is not closed.
    pub fn attach(&mut self, stream: StreamId, attachment: A) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.attachment = Some(attachment);
        }
    }

    /// What is attached to a stream, until the stream is [reaped](Self::reap).
    pub fn attachment_mut(&mut self, stream: StreamId) -> Option<&mut A> {
        self.streams.get_unreaped_mut(stream)?.attachment.as_mut()
    }

    /// Answers a request of the peer's; `end` if no data follows.
    ///
    /// What finds no credit waits on the stream, behind data that waits there already.
    ///
    /// # Errors
    ///
    /// - [`SendError::Closed`]: the stream is closed, or this direction has ended.
    /// - [`SendError::NotAgreed`]: the body is sealed or compressed, and the peer does not know that.
    /// - [`SendError::TooLarge`]: the metadata does not fit into a frame, or a compressed body does not
    ///   with it.
    pub fn respond(
        &mut self,
        id: StreamId,
        response: Response,
        end: bool,
    ) -> Result<(), SendError> {
        let after = if end { After::Nothing } else { After::Items };
        self.respond_with(id, response, after)
    }

    /// The same, where the rest of the body may come in pieces of the caller's making, by
    /// [`send_piece`](Self::send_piece).
    ///
    /// # Errors
    ///
    /// Those of [`respond`](Self::respond).
    pub fn respond_with(
        &mut self,
        id: StreamId,
        response: Response,
        after: After,
    ) -> Result<(), SendError> {
        self.check_response(&response)?;
        let cost = self.response_cost(&response);
        let fits_connection = self.allowance.left() >= cost;
        let side = &mut self.open_side(id)?.send;
        if after == After::Nothing {
            side.progress = Progress::Finishing;
        }
        let continued = after == After::Rest;
        if side.queue.is_empty() && fits_connection && side.credit.left() >= cost {
            self.push_response(id, response, continued);
        } else {
            side.queue.push_back(Item::Response(response, continued));
            self.schedule(id);
        }
        Ok(())
    }

    /// Sends an item on a stream; `end` if it is the last one.
    ///
    /// A long item goes on in several chunks; a peer that does not know
    /// [`Config::CONTINUED`](crate::Config::CONTINUED) gets it in one, if its limits allow that.
    ///
    /// # Errors
    ///
    /// Those of [`can_send_item`](Self::can_send_item).
    pub fn send_item(&mut self, id: StreamId, item: Bytes, end: bool) -> Result<(), SendError> {
        self.send_piece(id, Piece::new(item), end)
    }

    /// Sends a piece of a body or an item on a stream; `end` if it is the last one. It may be
    /// [continued](Piece::continued) only if the peer [takes pieces](Agreement::has_pieces).
    ///
    /// # Errors
    ///
    /// - Those of [`can_send_item`](Self::can_send_item).
    /// - [`SendError::NotAgreed`]: it is compressed, and the peer does not know that.
    /// - [`SendError::TooLarge`]: it is compressed, and longer than a frame may be.
    pub fn send_piece(&mut self, id: StreamId, piece: Piece, end: bool) -> Result<(), SendError> {
        self.can_send_item(id)?;
        self.check_compressed(piece.compression, &piece.bytes, self.head_room(0))?;
        let side = &mut self.open_side(id)?.send;
        if end {
            side.progress = Progress::Finishing;
        }
        side.queued_bytes = side.queued_bytes.saturating_add(piece.bytes.len());
        side.queue.push_back(Item::Piece(piece));
        self.schedule(id);
        Ok(())
    }

    /// Whether [`send_item`](Self::send_item) would succeed now.
    ///
    /// # Errors
    ///
    /// - [`SendError::Closed`]: the stream is closed, or this direction has ended.
    /// - [`SendError::Stopped`]: the peer needs no more.
    /// - [`SendError::Blocked`]: enough waits on the stream already.
    pub fn can_send_item(&mut self, id: StreamId) -> Result<(), SendError> {
        let full = self.stream_buffer_bytes;
        let side = &self.open_side(id)?.send;
        if side.waiting_bytes() >= full {
            Err(SendError::Blocked)
        } else {
            Ok(())
        }
    }

    /// Ends this side's direction after what waits on the stream.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] or [`SendError::Stopped`], as [`send_item`](Self::send_item).
    pub fn finish(&mut self, id: StreamId) -> Result<(), SendError> {
        let side = &mut self.open_side(id)?.send;
        side.progress = Progress::Finishing;
        if side.queue.is_empty() {
            self.push_end(id);
        }
        Ok(())
    }

    /// Ends both directions by a failure, after what waits on the stream.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`]: the stream is closed, or this direction has ended.
    pub fn fail(&mut self, id: StreamId, failure: Failure) -> Result<(), SendError> {
        let side = &mut self.open_side(id)?.send;
        side.progress = Progress::Finishing;
        if side.queue.is_empty() {
            self.push_failure(id, failure, Fate::Finished);
        } else {
            side.queue.push_back(Item::Failure(Box::new(failure)));
        }
        Ok(())
    }

    /// Gives up a stream that this side opened, or asks the opener to stop sending.
    pub fn cancel(&mut self, id: StreamId, reason: CancelReason) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.recv.ended && id.opener() != Some(self.role) {
            return;
        }
        self.push(id, Flags::NONE, Message::Cancel(Cancel::new(reason)));
        if id.opener() == Some(self.role) {
            self.streams.close(id, Fate::Cancelled);
        }
    }

    /// Sends an event, on the connection or on a stream.
    ///
    /// # Errors
    ///
    /// Those of [`can_send_event`](Self::can_send_event).
    pub fn event(&mut self, id: StreamId, event: Event) -> Result<(), SendError> {
        self.can_send_event(id, &event)?;
        let cost = event_cost(&event);
        if id != StreamId::CONNECTION {
            self.open_side(id)?.send.credit.spend(cost);
        }
        self.allowance.spend(cost);
        self.push(id, Flags::NONE, Message::Event(event));
        Ok(())
    }

    /// Whether [`event`](Self::event) would succeed now.
    ///
    /// # Errors
    ///
    /// - [`SendError::NotAgreed`]: the body is sealed or compressed, and the peer does not know that.
    /// - [`SendError::TooLarge`]: the event does not fit into a frame.
    /// - [`SendError::Closed`]: the stream is closed.
    /// - [`SendError::Blocked`]: credit or buffer are used up for now.
    pub fn can_send_event(&mut self, id: StreamId, event: &Event) -> Result<(), SendError> {
        self.check_sealed(event.sealed)?;
        check_name(event.topic.len())?;
        let cost = event_cost(event);
        let reserve = self.peer_limits.reserve_bytes();
        let beyond = self.peer_limits.connection_credit.saturating_sub(reserve);
        let limit = beyond.min(self.peer_limits.max_frame_bytes.into());
        if cost > limit {
            return Err(SendError::TooLarge { bytes: cost, limit });
        }
        self.check_compressed(event.compression, &event.body, usize::MAX)?;
        // Events leave the reserve to calls, as chunks do.
        let fits = self.allowance.beyond(reserve) >= cost;
        if !fits || !self.has_buffer() {
            return Err(SendError::Blocked);
        }
        if id != StreamId::CONNECTION && self.open_side(id)?.send.credit.left() < cost {
            return Err(SendError::Blocked);
        }
        Ok(())
    }

    /// Gives credit back for bytes of chunks or events that were read.
    ///
    /// It may be called after the stream has closed: the connection's part is still owed.
    pub fn consume(&mut self, id: StreamId, bytes: u64) {
        if let Some(grant) = self.window.consume(bytes) {
            self.push(
                StreamId::CONNECTION,
                Flags::NONE,
                Message::Credit(Credit::new(grant)),
            );
        }
        if id != StreamId::CONNECTION {
            self.consume_on_stream(id, bytes);
        }
    }

    /// Gives only the stream's credit back.
    pub(super) fn consume_on_stream(&mut self, id: StreamId, bytes: u64) {
        let side = self.streams.get_mut(id).map(|stream| &mut stream.recv);
        let grant = side
            .filter(|side| !side.ended)
            .and_then(|side| side.window.consume(bytes));
        if let Some(grant) = grant {
            self.push(id, Flags::NONE, Message::Credit(Credit::new(grant)));
        }
    }

    /// Says that no stream of the peer's above `last` is handled; `last` is what
    /// [`Recv::stop_accepting`](crate::session::Recv::stop_accepting) gave.
    pub fn goodbye(&mut self, last: StreamId, reason: &str) {
        if self.goodbye_sent.is_none() {
            self.goodbye_sent = Some(last);
            let goodbye = Message::Goodbye(Goodbye::new(last, reason));
            self.push(StreamId::CONNECTION, Flags::NONE, goodbye);
        }
    }

    /// Tells the peer why the session ends. The last thing to send: what waits on streams stays.
    pub fn end_session(&mut self, failure: Failure) {
        self.schedule.clear();
        let message = Message::Error(Box::new(failure));
        self.push(StreamId::CONNECTION, Flags::NONE, message);
    }
}

/// With an empty reserve, no chunk is sent; with the longest frame above it, any event.
fn connection_window(limits: &Limits) -> Window {
    let frame = u64::from(limits.max_frame_bytes);
    let enough = limits.reserve_bytes().saturating_add(frame);
    Window::new(limits.connection_credit, enough)
}
