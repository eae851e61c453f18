//! The client's end of a connection: messages of one direction each.

use std::future::poll_fn;
use std::io::{self, IoSlice};

use bytes::Buf;
use proto::error::DelimitedEncodeError;
use proto::frame::Segments;

use crate::daemon::client::ProtocolError;
use crate::daemon::input::Input;
use crate::daemon::wire::{Decoder, Encoder, FromClient, FromDaemon, Limits};
use crate::transport::{ByteReader, ByteWriter};

/// What comes from the daemon.
#[derive(Debug)]
pub(super) struct Incoming(Input);

impl Incoming {
    pub(super) fn new(reader: Box<dyn ByteReader>, limits: Limits) -> Self {
        Self(Input::new(reader, Decoder::new(limits)))
    }

    /// Lets in what needs an agreement on versions.
    pub(super) fn open(&mut self) {
        self.0.open();
    }

    /// The next message; nothing at the end of the connection.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<FromDaemon>, ProtocolError> {
        loop {
            match self.0.next_frame()? {
                Some(frame) => match FromDaemon::decode(frame)? {
                    Some(message) => return Ok(Some(message)),
                    None => continue,
                },
                None if self.0.fill().await? == 0 => return Ok(None),
                None => {}
            }
        }
    }
}

/// What goes to the daemon.
#[derive(Debug)]
pub(super) struct Outgoing {
    writer: Box<dyn ByteWriter>,
    encoder: Encoder,
    pending: Segments,
    /// Nobody reads any more.
    is_broken: bool,
}

impl Outgoing {
    pub(super) fn new(writer: Box<dyn ByteWriter>) -> Self {
        Self {
            writer,
            encoder: Encoder::new(Limits::default()),
            pending: Segments::new(),
            is_broken: false,
        }
    }

    /// Keeps to the limits of the daemon from now on.
    pub(super) fn open(&mut self, limits: Limits) {
        self.encoder = Encoder::new(limits);
    }

    pub(super) fn push(&mut self, message: &FromClient) -> Result<(), DelimitedEncodeError> {
        match self.is_broken {
            true => Ok(()),
            false => message.encode(&self.encoder, &mut self.pending),
        }
    }

    /// Throws away what cannot be sent, and all that follows.
    pub(super) fn give_up(&mut self) {
        self.pending = Segments::new();
        self.is_broken = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether more is to be added before something was written.
    pub(super) fn has_room(&self) -> bool {
        self.pending.remaining() < MAX_PENDING_BYTES
    }

    /// Writes all that was pushed.
    ///
    /// # Cancel safety
    ///
    /// What was not written yet is written by the next call.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.pending.chunks_vectored(&mut slices);
            match self
                .writer
                .try_write(slices.get(..count).unwrap_or_default())
            {
                Ok(taken) => self.pending.advance(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.writer.poll_write_ready(cx)).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the daemon that nothing follows.
    pub(super) fn close(&self) {
        self.writer.shutdown();
    }
}

/// What pends at most before more is added.
const MAX_PENDING_BYTES: usize = 256 * 1024;
const MAX_SLICES: usize = 16;
