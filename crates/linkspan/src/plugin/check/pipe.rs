//! Bytes to a plugin and back.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use crate::transport::{ByteLink, Connected};

/// Bytes to a plugin and back.
#[derive(Debug)]
pub(super) struct Pipe {
    link: ByteLink,
    /// What came and was not looked at yet.
    pub(super) input: BytesMut,
    has_ended: bool,
}

impl Pipe {
    pub(super) fn new(connected: Connected) -> Self {
        Self {
            link: connected.into_bytes(),
            input: BytesMut::new(),
            has_ended: false,
        }
    }

    /// Sends bytes. What comes meanwhile is read, as the plugin may wait for that before it reads
    /// itself; one that has gone takes nothing, and what it said before tells why.
    pub(super) async fn send(&mut self, mut bytes: &[u8]) {
        poll_fn(|cx| self.poll_send(cx, &mut bytes)).await;
        self.link.writer.stop_waiting();
    }

    /// Reads more; false at the end, in whichever way the plugin has gone.
    pub(super) async fn read(&mut self) -> bool {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &mut &[u8]) -> Poll<()> {
        while !bytes.is_empty() {
            match self.link.writer.try_write(&[IoSlice::new(bytes)]) {
                Ok(taken) => *bytes = bytes.get(taken..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.poll_room(cx)),
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }

    /// Waits for room, and reads what comes meanwhile.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let room = self.link.writer.poll_write_ready(cx);
        let may_read = |pipe: &Self| room.is_pending() && pipe.input.len() < MAX_INPUT_BYTES;
        while may_read(self) && self.poll_read(cx) == Poll::Ready(true) {}
        // An error is told by the next write.
        room.map(drop)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.has_ended {
            return Poll::Ready(false);
        }
        self.input.reserve(READ_BYTES);
        let reader = &mut self.link.reader;
        let read = reader.poll_read(cx, &mut self.input, READ_BYTES);
        read.map(|read| {
            self.has_ended = !read.is_ok_and(|count| count > 0);
            !self.has_ended
        })
    }
}

const READ_BYTES: usize = 64 * 1024;
/// While something is sent, no more than that is read before it is looked at.
const MAX_INPUT_BYTES: usize = 64 << 20;
