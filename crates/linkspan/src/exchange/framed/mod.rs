//! Frames over a link of bytes, and the time that they may take.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use proto::error::ExchangeDecodeError;
use proto::frame::crc32::{Decoder, HEADER_BYTES, Header};

use crate::clock;
use crate::exchange::ConnectionError;
use crate::transport::{ByteLink, ByteReader, ByteWriter};

/// A connection that carries frames.
///
/// Between frames it holds no buffer, or that of a small one. The futures of its methods lose bytes when they are dropped;
/// the connection is good for nothing then but to be closed.
#[derive(Debug)]
pub(super) struct Framed {
    reader: Box<dyn ByteReader>,
    writer: Box<dyn ByteWriter>,
    decoder: Decoder,
    input: BytesMut,
    /// Length of the longest message that has come.
    longest: usize,
}

/// How long a frame that was begun may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Without any progress.
    pub(super) stall: Duration,
    /// From its first byte to its last, so that a trickle does not count as progress for ever.
    pub(super) whole: Duration,
    /// The limit that is told when that is over.
    told: Duration,
}

impl Patience {
    pub(super) fn new(stall: Duration) -> Self {
        let whole = stall.saturating_mul(WHOLE_BY_STALL);
        Self {
            stall,
            whole,
            told: whole,
        }
    }

    /// The same, but no longer than `until`, when all that has `limit` has to be over.
    pub(super) fn until(mut self, until: Instant, limit: Duration) -> Self {
        let left = until.saturating_duration_since(clock::now());
        if left < self.whole {
            (self.whole, self.told) = (left, limit);
        }
        self
    }
}

impl Framed {
    pub(super) fn new(link: ByteLink, decoder: Decoder) -> Self {
        Self {
            reader: link.reader,
            writer: link.writer,
            decoder,
            input: BytesMut::new(),
            longest: 0,
        }
    }

    /// Waits for the first bytes of a frame, however long; false if the peer closed instead.
    pub(super) async fn begun(&mut self) -> io::Result<bool> {
        poll_fn(|cx| self.poll_begun(cx)).await
    }

    /// Whether a frame has begun by now, or, with false, the peer has closed; none if neither.
    pub(super) fn try_begun(&mut self) -> Option<io::Result<bool>> {
        if !self.input.is_empty() {
            return Some(Ok(true));
        }
        self.input.reserve(HEADER_BYTES);
        let read = self.reader.try_read(&mut self.input, HEADER_BYTES);
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            read => Some(read.map(|count| count > 0)),
        }
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.input.is_empty() {
            return Poll::Ready(Ok(true));
        }
        ready!(self.reader.poll_ready(cx))?;
        self.input.reserve(FIRST_BYTES);
        let read = self.reader.poll_read(cx, &mut self.input, FIRST_BYTES);
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        read.map_ok(|count| count > 0)
    }

    /// Reads the frame that has begun to its end.
    pub(super) async fn finish(&mut self, patience: Patience) -> Result<Bytes, ConnectionError> {
        // Most frames come whole, and need no clock.
        if let Some(message) = self.decode()? {
            return Ok(message);
        }
        let until = clock::after(clock::now(), patience.whole);
        loop {
            let stalled = clock::after(clock::now(), patience.stall);
            match tokio::time::timeout_at(stalled.min(until).into(), self.fill()).await {
                Ok(Ok(0)) => return Err(ConnectionError::Truncated),
                Ok(result) => drop(result?),
                Err(_) if stalled < until => {
                    let limit = patience.stall;
                    return Err(ConnectionError::ReadStalled { limit });
                }
                Err(_) => {
                    let limit = patience.told;
                    return Err(ConnectionError::ReadTooSlow { limit });
                }
            }
            if let Some(message) = self.decode()? {
                return Ok(message);
            }
        }
    }

    /// Writes a frame, and adds to `taken` what the system took of it. Says how long it took
    /// nothing.
    pub(super) async fn write(
        &self,
        header: Header,
        message: &[u8],
        patience: Patience,
        taken: &mut usize,
    ) -> Result<Duration, ConnectionError> {
        let header = header.to_bytes();
        let mut stalls = Stalls::new(patience);
        while let Some(rest) = rest(&header, message, *taken) {
            match self.writer.try_write(&rest) {
                Ok(count) => {
                    *taken += count;
                    stalls.progress();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    stalls.wait(&*self.writer).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stalls.end(&*self.writer))
    }

    /// Tells the peer that nothing follows, and throws away what comes until it closes.
    pub(super) async fn drain(mut self) -> Result<(), ConnectionError> {
        self.writer.shutdown();
        while self.begun().await? {
            self.input.clear();
            tokio::task::coop::consume_budget().await;
        }
        Ok(())
    }

    /// Has what was written reach the peer, and tells it that nothing follows.
    pub(super) fn close(self) {
        self.writer.shutdown();
    }

    fn decode(&mut self) -> Result<Option<Bytes>, ExchangeDecodeError> {
        let Some(message) = self.decoder.decode(&mut self.input)? else {
            return Ok(None);
        };
        self.longest = self.longest.max(message.len());
        // A small message must not keep the whole buffer for as long as its owner keeps it, nor an
        // idle connection that of a long one.
        if message.len() <= SMALL_BYTES {
            return Ok(Some(Bytes::copy_from_slice(&message)));
        }
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        Ok(Some(message))
    }

    /// Reads more of the frame that has begun, and nothing of the next one.
    async fn fill(&mut self) -> io::Result<usize> {
        let missing = self.decoder.missing_bytes(&self.input);
        // What a header announces is believed as far as bytes have come, now or earlier.
        let come = self.input.len().saturating_mul(GROWTH).max(self.longest);
        let room = missing.min(come.max(BELIEVED_BYTES));
        self.input.reserve(room);
        let (reader, input) = (&mut self.reader, &mut self.input);
        poll_fn(|cx| reader.poll_read(cx, input, room)).await
    }
}

/// What is left of a frame of which so much was taken.
fn rest<'a>(header: &'a [u8], message: &'a [u8], taken: usize) -> Option<[IoSlice<'a>; 2]> {
    let header = header.get(taken..).unwrap_or_default();
    let message = message.get(taken.saturating_sub(HEADER_BYTES)..)?;
    let is_over = header.is_empty() && message.is_empty();
    (!is_over).then(|| [IoSlice::new(header), IoSlice::new(message)])
}

/// Times in which a write took nothing.
struct Stalls {
    patience: Patience,
    /// When the first stall began, and the present one.
    first: Option<Instant>,
    present: Option<Instant>,
    total: Duration,
}

impl Stalls {
    fn new(patience: Patience) -> Self {
        Self {
            patience,
            first: None,
            present: None,
            total: Duration::ZERO,
        }
    }

    fn progress(&mut self) {
        if let Some(began) = self.present.take() {
            self.total += clock::now().saturating_duration_since(began);
        }
    }

    /// Waits until something may be taken.
    async fn wait(&mut self, writer: &dyn ByteWriter) -> Result<(), ConnectionError> {
        let now = clock::now();
        let Patience { stall, whole, told } = self.patience;
        let stalled = clock::after(*self.present.get_or_insert(now), stall);
        let until = clock::after(*self.first.get_or_insert(now), whole);
        let writable = poll_fn(|cx| writer.poll_write_ready(cx));
        match tokio::time::timeout_at(stalled.min(until).into(), writable).await {
            Ok(ready) => Ok(ready?),
            Err(_) if stalled < until => Err(ConnectionError::WriteStalled { limit: stall }),
            Err(_) => Err(ConnectionError::WriteTooSlow { limit: told }),
        }
    }

    fn end(self, writer: &dyn ByteWriter) -> Duration {
        if self.first.is_some() {
            writer.stop_waiting();
        }
        self.total
    }
}

/// Times the longest stall that a whole frame may take.
const WHOLE_BY_STALL: u32 = 4;
/// What is read first: many a frame as a whole.
const FIRST_BYTES: usize = 4 * 1024;
/// Messages up to this are copied out of the buffer.
const SMALL_BYTES: usize = 1024;
/// What a header alone may make us allocate.
const BELIEVED_BYTES: usize = 256 * 1024;
/// Times what has come that is allocated for what follows.
const GROWTH: usize = 3;

#[cfg(test)]
mod tests;
