//! What a received frame means.

use std::time::Instant;

use crate::frame::Flags;
use crate::message::{CancelReason, Chunk, Event, Failure, Goodbye, Heartbeat, Request, Response};
use crate::stream_id::StreamId;

/// A received frame whose place in the session was checked.
///
/// Every one must be shown to [`Send::apply`](crate::session::Send::apply); the first seven
/// variants then concern the application.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Incoming {
    /// The peer opened a stream.
    Request {
        /// The stream.
        stream: StreamId,
        /// Number of the frame.
        id: u64,
        /// What is asked.
        request: Request,
        /// When the caller stops waiting.
        deadline: Option<Instant>,
        /// [`Flags::END`] and [`Flags::CONTINUED`] matter here.
        flags: Flags,
        /// Credit that it cost.
        bytes: u64,
    },
    /// The peer answered.
    Response {
        /// The stream.
        stream: StreamId,
        /// The answer.
        response: Response,
        /// [`Flags::END`] and [`Flags::CONTINUED`] matter here.
        flags: Flags,
        /// Credit that it cost.
        bytes: u64,
    },
    /// More data on a stream.
    Chunk {
        /// The stream.
        stream: StreamId,
        /// The data.
        chunk: Chunk,
        /// [`Flags::END`] and [`Flags::CONTINUED`] matter here.
        flags: Flags,
        /// Credit that it cost; the reader gives it back by
        /// [`Send::consume`](crate::session::Send::consume).
        bytes: u64,
    },
    /// The peer's direction of a stream ended.
    End {
        /// The stream.
        stream: StreamId,
    },
    /// The peer's Linkspan could not go on with a stream.
    Failed {
        /// The stream.
        stream: StreamId,
        /// Why.
        failure: Box<Failure>,
    },
    /// The peer gave up a stream that it opened, or needs no more of one that we opened.
    Cancelled {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: CancelReason,
    },
    /// Something happened at the peer.
    Event {
        /// The subscription's stream, or the connection.
        stream: StreamId,
        /// Number of the frame.
        id: u64,
        /// What happened.
        event: Event,
        /// Credit that it cost; the handler gives it back by
        /// [`Send::consume`](crate::session::Send::consume).
        bytes: u64,
    },
    /// The peer takes no new streams.
    Goodbye(Goodbye),
    /// The peer allows more to be sent.
    Credit {
        /// The stream, or the connection.
        stream: StreamId,
        /// How much more.
        bytes: u64,
    },
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// A frame that has no effect but for its credit.
    Ignored {
        /// Credit that it cost, given back at once.
        bytes: u64,
    },
}
