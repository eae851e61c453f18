//! The half that is written: by whoever sends, and with answers to pings by the reader.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::transport::ByteWriter;
use crate::transport::ws::Role;
use crate::transport::ws::mask::Mask;

/// Puts bytes into messages.
///
/// A message is as long as what there is to write when it begins. If the socket takes less, what is
/// written next goes on with it: it is the same stream of bytes, so nothing has to be kept here.
#[derive(Debug)]
pub(super) struct Sending {
    socket: Box<dyn ByteWriter>,
    role: Role,
    outgoing: Mutex<Outgoing>,
}

/// What is under way.
#[derive(Debug, Default)]
struct Outgoing {
    /// Control frames that stand between two messages, and were not taken yet.
    control: Vec<u8>,
    /// The header of a message, as far as it was not taken yet.
    header: Vec<u8>,
    /// Bytes of the message that are to come.
    left: usize,
    /// Whether the peer was sent anything of the header.
    is_announced: bool,
    mask: Option<Mask>,
    /// An answer that waits for the end of a message.
    pong: Option<Vec<u8>>,
    /// What the peer is told at the end.
    close: Option<Option<u16>>,
    is_closed: bool,
}

impl Sending {
    pub(super) fn new(socket: Box<dyn ByteWriter>, role: Role) -> Self {
        Self {
            socket,
            role,
            outgoing: Mutex::default(),
        }
    }

    /// Answers a ping, as soon as it may. What the socket does not take goes with the next write.
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut outgoing = self.lock();
        outgoing.pong = Some(self.control(Frame::pong(payload.to_vec())));
        outgoing.send_control(&*self.socket);
    }

    /// Tells the peer what it did wrong; nothing more is sent.
    pub(super) fn close(&self, code: u16) {
        let mut outgoing = self.lock();
        outgoing.close = Some(Some(code));
        self.finish(&mut outgoing);
    }

    /// Has the end answer with the code of the peer, which has ended.
    pub(super) fn answer_close(&self, code: Option<u16>) {
        self.lock().close = Some(code);
    }

    /// Sends what ends the stream, as far as that goes at once.
    fn finish(&self, outgoing: &mut Outgoing) {
        if outgoing.is_closed {
            return;
        }
        outgoing.is_closed = true;
        let code = outgoing
            .close
            .unwrap_or_else(|| Some(CloseCode::Normal.into()));
        if outgoing.left == 0 {
            let payload = code.map(|code| code.to_be_bytes().to_vec());
            let header = FrameHeader::default();
            let frame = Frame::from_payload(header, payload.unwrap_or_default().into());
            outgoing.pong = None;
            outgoing.control.extend(self.control(frame));
            outgoing.send_control(&*self.socket);
        }
    }

    /// The bytes of a control frame.
    fn control(&self, mut frame: Frame) -> Vec<u8> {
        frame.header_mut().mask = self.key();
        let mut bytes = Vec::with_capacity(frame.len());
        // Writing to memory does not fail.
        frame.format(&mut bytes).ok();
        bytes
    }

    /// A key for a frame, if this side has to mask.
    fn key(&self) -> Option<[u8; 4]> {
        match self.role {
            // Masks are there for what stands between; the peer reads with any.
            Role::Client => Some(os::random_bytes().unwrap_or_default()),
            Role::Server => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outgoing {
    /// Begins a message of so many bytes.
    fn begin(&mut self, bytes: usize, key: Option<[u8; 4]>) {
        self.answer();
        let header = FrameHeader {
            opcode: OpCode::Data(Data::Binary),
            mask: key,
            ..FrameHeader::default()
        };
        self.header.clear();
        // Writing to memory does not fail.
        header.format(bytes as u64, &mut self.header).ok();
        (self.left, self.is_announced) = (bytes, false);
        self.mask = key.map(Mask::new);
    }

    /// Puts the answer to the last ping in its place, once the one before has gone: whoever pings and
    /// does not read fills no memory here.
    fn answer(&mut self) {
        if self.control.is_empty() {
            self.control.extend(self.pong.take().into_iter().flatten());
        }
    }

    /// Forgets a message of which the peer knows nothing: what is written next may be another.
    fn withdraw(&mut self) {
        if !self.is_announced {
            self.header.clear();
            self.left = 0;
        }
    }

    /// Writes what is there of the message.
    fn write(&mut self, socket: &dyn ByteWriter, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let masked = self.mask.map(|mask| masked(mask, slices, self.left));
        let own = masked.as_deref().map(IoSlice::new);
        let slices = own.as_ref().map_or(slices, std::slice::from_ref);
        let mut pieces = [IoSlice::new(&[]); MAX_PIECES];
        let (first, rest) = pieces.split_at_mut(2);
        first.copy_from_slice(&[IoSlice::new(&self.control), IoSlice::new(&self.header)]);
        let mut room = self.left;
        for (piece, slice) in rest.iter_mut().zip(slices) {
            let part = slice.get(..room).unwrap_or(slice);
            *piece = IoSlice::new(part);
            room -= part.len();
        }
        let taken = socket.try_write(&pieces).map(|written| self.note(written));
        match taken {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            taken => taken,
        }
    }

    /// Counts what the socket took, and says how much of it was of the message.
    fn note(&mut self, mut written: usize) -> usize {
        written -= drain(&mut self.control, written);
        let of_header = drain(&mut self.header, written);
        self.is_announced |= of_header > 0;
        written -= of_header;
        self.left -= written;
        if let Some(mask) = &mut self.mask {
            mask.advance(written);
        }
        written
    }

    /// Sends control frames, if no message is under way.
    fn send_control(&mut self, socket: &dyn ByteWriter) {
        if self.left > 0 {
            return;
        }
        self.answer();
        while !self.control.is_empty() {
            match socket.try_write(&[IoSlice::new(&self.control)]) {
                Ok(count) => drop(self.control.drain(..count)),
                // Whoever writes next sees what is wrong with the socket.
                Err(_) => return,
            }
        }
    }
}

/// The beginning of what is to be sent, in its disguise.
fn masked(mut mask: Mask, slices: &[IoSlice<'_>], left: usize) -> Vec<u8> {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut room = left.min(total).min(MASKED_BYTES);
    let mut bytes = Vec::with_capacity(room);
    for slice in slices {
        let part = slice.get(..room).unwrap_or(slice);
        bytes.extend_from_slice(part);
        room -= part.len();
    }
    mask.apply(&mut bytes);
    bytes
}

/// Takes the front of some bytes away, as far as they go, and says how far.
fn drain(bytes: &mut Vec<u8>, count: usize) -> usize {
    bytes.drain(..count.min(bytes.len())).len()
}

/// The writing half of a link.
#[derive(Debug)]
pub(super) struct Writer(pub(super) Arc<Sending>);

impl ByteWriter for Writer {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Sending { socket, .. } = &*self.0;
        let mut outgoing = self.0.lock();
        if outgoing.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if offered == 0 {
            return Ok(0);
        }
        if outgoing.left == 0 {
            outgoing.begin(offered, self.0.key());
        }
        let taken = outgoing.write(&**socket, slices);
        let taken = taken.inspect_err(|_| outgoing.withdraw())?;
        outgoing.send_control(&**socket);
        Ok(taken)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.socket.poll_write_ready(cx)
    }

    fn stop_waiting(&self) {
        self.0.socket.stop_waiting();
    }

    /// A stream that has ended inside a message just ends.
    fn shutdown(&self) {
        self.0.finish(&mut self.0.lock());
        self.0.socket.shutdown();
    }
}

/// What is disguised at once.
const MASKED_BYTES: usize = 64 * 1024;
/// Pieces in one write: two of our own, and as many as anybody gives.
const MAX_PIECES: usize = 34;
