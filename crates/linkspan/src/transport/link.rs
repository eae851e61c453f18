//! A link in its two halves.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use proto::frame::Frame;
use proto::session::Transmit;

use crate::transport::bytes::{ByteLink, ByteReader, ByteWriter};
use crate::transport::{Peer, memory};

/// A way to one peer and back.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    pub(crate) peer: Peer,
}

impl From<ByteLink> for Link {
    fn from(link: ByteLink) -> Self {
        Self {
            reader: Reader::Bytes(link.reader),
            writer: Writer::Bytes(link.writer),
            peer: link.peer,
        }
    }
}

#[cfg(any(feature = "bus", feature = "daemon", feature = "exchange"))]
impl Link {
    /// Whether frames move through it by value.
    #[cfg(feature = "bus")]
    pub(crate) fn has_frames(&self) -> bool {
        matches!(self.reader, Reader::Frames(_))
    }

    /// The link as one of bytes, unless frames move through it by value.
    pub(crate) fn into_bytes(self) -> Option<ByteLink> {
        match (self.reader, self.writer) {
            (Reader::Bytes(reader), Writer::Bytes(writer)) => Some(ByteLink {
                reader,
                writer,
                peer: self.peer,
            }),
            _ => None,
        }
    }
}

/// The half that one task reads.
#[derive(Debug)]
pub(crate) enum Reader {
    Bytes(Box<dyn ByteReader>),
    Frames(memory::Receiver),
}

/// The half that any task writes.
#[derive(Debug)]
pub(crate) enum Writer {
    Bytes(Box<dyn ByteWriter>),
    Frames(memory::Sender),
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEvent {
    Data,
    EndOfFile,
}

impl Reader {
    /// Waits until there may be something to read, or the end.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes(bytes) => bytes.poll_ready(cx),
            Self::Frames(receiver) => receiver.poll_ready(cx).map(Ok),
        }
    }

    /// Reads at most `limit` bytes to the end of `bytes`, or all waiting frames into `frames`.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut BytesMut,
        limit: usize,
        frames: &mut VecDeque<Frame>,
    ) -> Poll<io::Result<ReadEvent>> {
        let read = match self {
            Self::Bytes(reader) => reader.poll_read(cx, bytes, limit)?.map(|count| count > 0),
            Self::Frames(receiver) => receiver.poll_receive(cx, frames),
        };
        read.map(|more| {
            Ok(if more {
                ReadEvent::Data
            } else {
                ReadEvent::EndOfFile
            })
        })
    }
}

impl Writer {
    /// Nothing to send, of the sort that this link takes.
    pub(crate) fn empty_transmit(&self) -> Transmit {
        match self {
            Self::Bytes(_) => Transmit::bytes(),
            Self::Frames(_) => Transmit::frames(),
        }
    }

    /// Writes until everything is written or nothing more is taken, and adds what was taken to
    /// `written`, in bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if something is left, or the system's error.
    pub(crate) fn try_write(&self, transmit: &mut Transmit, written: &mut u64) -> io::Result<()> {
        match (self, transmit) {
            (Self::Bytes(writer), Transmit::Segments(segments)) => {
                while segments.has_remaining() {
                    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                    let count = segments.chunks_vectored(&mut slices);
                    let taken = writer.try_write(slices.get(..count).unwrap_or_default())?;
                    segments.advance(taken);
                    *written += taken as u64;
                }
                Ok(())
            }
            (Self::Frames(sender), Transmit::Frames(frames)) => sender.try_send(frames, written),
            // A session is made for its link, with the sort that `empty_transmit` gives.
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Waits until more can be written; only the driver may wait.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Bytes(writer) => writer.poll_write_ready(cx),
            Self::Frames(sender) => sender.poll_ready(cx).map(Ok),
        }
    }

    /// Gives back what waiting needed.
    pub(crate) fn stop_waiting(&self) {
        if let Self::Bytes(writer) = self {
            writer.stop_waiting();
        }
    }

    /// Tells the peer that nothing follows.
    pub(crate) fn shutdown(&self) {
        match self {
            Self::Bytes(writer) => writer.shutdown(),
            Self::Frames(sender) => sender.close(),
        }
    }
}

/// Slices in one vectored write.
const MAX_SLICES: usize = 32;
