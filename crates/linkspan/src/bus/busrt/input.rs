//! What comes in on a connection, and how long nothing may.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use proto::error::BusrtDecodeError;
use proto::frame::busrt::{FromClient, FromClientDecoder, Limits, OPERATION_HEADER_BYTES};
use tokio::time::Sleep;

use crate::bus::error::ConnectionError;
use crate::clock;
use crate::transport::{ByteReader, ReadBuffer};

/// The receiving side of a connection.
pub(super) struct Input {
    reader: Box<dyn ByteReader>,
    decoder: FromClientDecoder,
    buffer: ReadBuffer,
    /// How long the client may take until [`renew`](Self::renew) is called.
    limit: Duration,
    /// When its time began.
    began: Instant,
    /// Rings when it should have; it is set anew only then.
    alarm: std::pin::Pin<Box<Sleep>>,
}

impl Input {
    /// Goes on after what was read already.
    pub(super) fn new(
        reader: Box<dyn ByteReader>,
        read: BytesMut,
        limits: Limits,
        limit: Duration,
    ) -> Self {
        let began = clock::now();
        Self {
            reader,
            decoder: FromClientDecoder::new(limits),
            buffer: ReadBuffer::new(read),
            limit,
            began,
            alarm: Box::pin(tokio::time::sleep_until(clock::after(began, limit).into())),
        }
    }

    /// Changes how long the client may take, from now on.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
        self.renew();
        self.set_alarm();
    }

    /// The next whole thing that has come.
    pub(super) fn next(&mut self) -> Result<Option<FromClient>, BusrtDecodeError> {
        self.decoder.decode(&mut self.buffer.bytes)
    }

    /// The client did well so far: its time begins anew.
    pub(super) fn renew(&mut self) {
        self.began = clock::now();
    }

    /// Reads more; false at the end.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Silent`] when its time is over.
    pub(super) async fn fill(&mut self) -> Result<bool, ConnectionError> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, ConnectionError>> {
        if let Poll::Ready(read) = self.poll_read(cx) {
            return Poll::Ready(Ok(read? > 0));
        }
        // Nothing is kept for what may never come.
        self.buffer.shrink();
        while self.alarm.as_mut().poll(cx).is_ready() {
            if clock::now() >= clock::after(self.began, self.limit) {
                let limit = self.limit;
                return Poll::Ready(Err(ConnectionError::Silent { limit }));
            }
            self.set_alarm();
        }
        Poll::Pending
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.reader.poll_ready(cx))?;
        // Only the rest of a long operation is read alone; of short ones, as many as there are.
        let missing = self.decoder.missing_bytes(&self.buffer.bytes);
        let missing = if missing < LONG_BYTES { 0 } else { missing };
        let room = self.buffer.make_room(missing, OPERATION_HEADER_BYTES);
        let count = ready!(self.reader.poll_read(cx, &mut self.buffer.bytes, room))?;
        self.buffer.note_read(count, room);
        Poll::Ready(Ok(count))
    }

    fn set_alarm(&mut self) {
        let ring = clock::after(self.began, self.limit);
        self.alarm.as_mut().reset(ring.into());
    }
}

/// From here on what is missing is worth a read of its own.
const LONG_BYTES: usize = 16 * 1024;
