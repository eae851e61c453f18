//! The half that decrypts.

use std::fmt;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use rustls::Connection;

use crate::transport::bytes::ByteReader;
use crate::transport::tls::TlsError;
use crate::transport::tls::channel::Channel;
use crate::transport::tls::failure::failure;

/// It keeps no buffer while nothing has come that is not given out.
pub(super) struct Reader {
    channel: Arc<Channel>,
    base: Box<dyn ByteReader>,
    /// What came and is not decrypted.
    input: BytesMut,
    /// Something may be left that needs no reading.
    is_pending: bool,
    /// The link under it has ended.
    is_cut: bool,
    failure: Option<TlsError>,
}

impl Reader {
    /// Reads a connection on `base`, of which `input` was read already.
    pub(super) fn new(channel: Arc<Channel>, base: Box<dyn ByteReader>, input: BytesMut) -> Self {
        Self {
            channel,
            base,
            input,
            is_pending: true,
            is_cut: false,
            failure: None,
        }
    }

    /// Gives out what has come; nothing if more has to come first.
    fn take(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<Option<usize>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure.into());
        }
        let room = limit.min(buffer.capacity() - buffer.len());
        let mut state = self.channel.lock();
        let mut count = 0;
        let is_ended = loop {
            let is_ended = decrypted(&mut state.connection, buffer, room, &mut count);
            if is_ended || count == room || self.input.is_empty() {
                break is_ended;
            }
            if let Err(error) = decrypt(&mut state.connection, &mut self.input) {
                self.failure = Some(error);
                break false;
            }
        };
        self.is_pending = is_ended || count == room || self.failure.is_some();
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        // An answer to new keys, or why this side goes. What is not taken leaves with the next write.
        self.channel.push(&mut state.connection).ok();
        drop(state);
        match self.failure.take() {
            Some(failure) if count == 0 => Err(failure.into()),
            failure => {
                self.failure = failure;
                Ok((count > 0 || is_ended || room == 0).then_some(count))
            }
        }
    }

    /// Takes note of what a read of the link brought.
    fn note(&mut self, count: usize) -> io::Result<()> {
        self.is_cut = count == 0;
        match self.is_cut {
            true => Err(TlsError::Truncated.into()),
            false => Ok(()),
        }
    }
}

impl ByteReader for Reader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.is_pending {
            true => Poll::Ready(Ok(())),
            false => self.base.poll_ready(cx),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(count) = self.take(buffer, limit)? {
                return Poll::Ready(Ok(count));
            }
            if self.is_cut {
                return Poll::Ready(Err(TlsError::Truncated.into()));
            }
            self.input.reserve(READ_BYTES);
            let read = self.base.poll_read(cx, &mut self.input, READ_BYTES);
            if read.is_pending() {
                self.input = BytesMut::new();
            }
            self.note(ready!(read)?)?;
        }
    }

    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        loop {
            if let Some(count) = self.take(buffer, limit)? {
                return Ok(count);
            }
            self.input.reserve(READ_BYTES);
            match self.base.try_read(&mut self.input, READ_BYTES) {
                Ok(count) => self.note(count)?,
                Err(error) => {
                    self.input = BytesMut::new();
                    return Err(error);
                }
            }
        }
    }
}

/// Gives out what is decrypted, up to `room` bytes in all; says whether nothing follows.
fn decrypted(
    connection: &mut Connection,
    buffer: &mut BytesMut,
    room: usize,
    count: &mut usize,
) -> bool {
    let mut reader = connection.reader();
    while *count < room {
        match reader.fill_buf() {
            Ok([]) => return true,
            Ok(bytes) => {
                let some = bytes.len().min(room - *count);
                buffer.put_slice(bytes.get(..some).unwrap_or_default());
                reader.consume(some);
                *count += some;
            }
            Err(_) => return false,
        }
    }
    false
}

/// Decrypts some of what came.
pub(super) fn decrypt(connection: &mut Connection, input: &mut BytesMut) -> Result<(), TlsError> {
    match connection.read_tls(&mut &**input).map_err(TlsError::Io)? {
        // Nothing may follow the peer's goodbye.
        0 => return Err(TlsError::Truncated),
        read => input.advance(read),
    }
    connection.process_new_packets().map_err(failure)?;
    Ok(())
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("on", &self.base)
            .finish_non_exhaustive()
    }
}

/// What is read at once: some records.
const READ_BYTES: usize = 64 * 1024;
