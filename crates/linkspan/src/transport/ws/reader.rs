//! The half that is read.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use crate::transport::ByteReader;
use crate::transport::ws::Role;
use crate::transport::ws::deframer::{Close, Deframer};
use crate::transport::ws::sending::Sending;

/// Bytes of the peer's messages.
///
/// What the socket gives is read to where it is wanted, and what is not of messages is taken out
/// there.
#[derive(Debug)]
pub(super) struct Reader {
    socket: Box<dyn ByteReader>,
    /// What came together with the HTTP message.
    early: BytesMut,
    frames: Deframer,
    sending: Arc<Sending>,
    is_ended: bool,
}

impl Reader {
    pub(super) fn new(
        socket: Box<dyn ByteReader>,
        early: BytesMut,
        role: Role,
        sending: Arc<Sending>,
    ) -> Self {
        let peer = match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        Self {
            socket,
            // An empty one may hold on to what the HTTP message was read into.
            early: match early.is_empty() {
                true => BytesMut::new(),
                false => early,
            },
            frames: Deframer::new(peer),
            sending,
            is_ended: false,
        }
    }

    /// What was read early, moved to where it is wanted.
    fn take_early(&mut self, buffer: &mut BytesMut, limit: usize) -> usize {
        let room = limit.min(buffer.capacity() - buffer.len());
        let part = self.early.split_to(room.min(self.early.len()));
        if self.early.is_empty() {
            self.early = BytesMut::new();
        }
        buffer.extend_from_slice(&part);
        part.len()
    }

    /// Makes messages' bytes of those after `start`, and says how many. None means that there were
    /// only others.
    fn deframe(&mut self, buffer: &mut BytesMut, start: usize) -> io::Result<Option<usize>> {
        let bytes = buffer.get_mut(start..).unwrap_or_default();
        if bytes.is_empty() {
            return self.end().map(Some);
        }
        let found = self.frames.deframe(bytes).inspect_err(|violation| {
            self.is_ended = true;
            self.sending.close(violation.code());
        });
        let found = found?;
        buffer.truncate(start + found.bytes);
        if let Some(ping) = found.ping {
            self.sending.pong(&ping);
        }
        match found.close {
            None if found.bytes == 0 => Ok(None),
            None => Ok(Some(found.bytes)),
            Some(close) => self.closed(&close, found.bytes).map(Some),
        }
    }

    /// The socket has ended.
    fn end(&mut self) -> io::Result<usize> {
        self.is_ended = true;
        match self.frames.is_inside() {
            false => Ok(0),
            true => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection ended inside a frame of WebSocket",
            )),
        }
    }

    /// The peer sends nothing more, after so many bytes.
    fn closed(&mut self, close: &Close, bytes: usize) -> io::Result<usize> {
        self.is_ended = true;
        self.sending.answer_close(close.code);
        match close.is_normal() {
            true => Ok(bytes),
            false => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                format!(
                    "the peer closed the WebSocket with code {}: {:?}",
                    close.code.unwrap_or_default(),
                    close.reason
                ),
            )),
        }
    }
}

impl ByteReader for Reader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.is_ended || !self.early.is_empty() {
            true => Poll::Ready(Ok(())),
            false => self.socket.poll_ready(cx),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            let start = buffer.len();
            if self.is_ended {
                return Poll::Ready(Ok(0));
            }
            match self.early.is_empty() {
                true => ready!(self.socket.poll_read(cx, buffer, limit))?,
                false => self.take_early(buffer, limit),
            };
            if let Some(count) = self.deframe(buffer, start)? {
                return Poll::Ready(Ok(count));
            }
        }
    }

    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        loop {
            let start = buffer.len();
            if self.is_ended {
                return Ok(0);
            }
            match self.early.is_empty() {
                true => self.socket.try_read(buffer, limit)?,
                false => self.take_early(buffer, limit),
            };
            if let Some(count) = self.deframe(buffer, start)? {
                return Ok(count);
            }
        }
    }
}
