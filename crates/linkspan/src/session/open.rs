//! The handshake over a real link.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use proto::error::HandshakeError;
use proto::frame::{Frame, Segments};
use proto::message::Failure;
use proto::session::{Agreement, Handshake, Transmit};
use proto::{Decoder, Role};

use crate::session::{Config, ConnectError};
use crate::transport::{Link, ReadEvent, Writer};

/// What a handshake leaves behind.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) agreement: Agreement,
    /// Bytes and frames that came after it.
    pub(crate) input: BytesMut,
    pub(crate) frames: VecDeque<Frame>,
}

/// Agrees with the peer of a link on a session.
///
/// A peer that does not do its part in time is told nothing and gets nothing.
pub(crate) async fn open(
    link: &mut Link,
    role: Role,
    config: &Config,
) -> Result<Opened, ConnectError> {
    open_after(link, role, config, BytesMut::new()).await
}

/// The same with a peer of whom something was read already.
pub(crate) async fn open_after(
    link: &mut Link,
    role: Role,
    config: &Config,
    input: BytesMut,
) -> Result<Opened, ConnectError> {
    let limit = config.handshake_timeout;
    match tokio::time::timeout(limit, negotiate(link, role, config, input)).await {
        Ok(Err(ConnectError::Handshake(error))) => {
            if let Some(failure) = error.to_failure() {
                send(&link.writer, &Handshake::refusal(role, failure))
                    .await
                    .ok();
            }
            Err(error.into())
        }
        Ok(result) => result,
        Err(_) => Err(ConnectError::Silent { limit }),
    }
}

/// Refuses a session: waits for the peer's offer, so that closing does not cut the answer off, and
/// says why not.
pub(crate) async fn refuse(mut link: Link, failure: Failure, limit: Duration) {
    let refusal = async {
        let mut receiver = Receiver::new(BytesMut::new());
        receiver.frame(&mut link, Role::Server).await.ok()?;
        send(&link.writer, &Handshake::refusal(Role::Server, failure))
            .await
            .ok()?;
        link.writer.shutdown();
        while let Ok(true) = receiver.receive(&mut link).await {
            receiver.input.clear();
            receiver.frames.clear();
        }
        Some(())
    };
    tokio::time::timeout(limit, refusal).await.ok();
}

/// Refuses a session at once: a new connection takes a frame without waiting.
pub(crate) fn refuse_now(link: &Link, failure: Failure) {
    let frame = Handshake::refusal(Role::Server, failure);
    // Who does not take it has closed.
    link.writer
        .try_write(&mut transmit(&link.writer, &frame), &mut 0)
        .ok();
    link.writer.shutdown();
}

async fn negotiate(
    link: &mut Link,
    role: Role,
    config: &Config,
    input: BytesMut,
) -> Result<Opened, ConnectError> {
    let nonce = os::random_bytes().map_err(ConnectError::Io)?;
    let mut handshake = Handshake::new(role, config.protocol(link.peer.transport), nonce);
    let mut receiver = Receiver::new(input);
    loop {
        if let Some(frame) = handshake.poll_transmit() {
            send(&link.writer, &frame).await.map_err(ConnectError::Io)?;
        }
        let frame = receiver.frame(link, role).await?;
        if let Some(agreement) = handshake.handle_frame(frame)? {
            if let Some(frame) = handshake.poll_transmit() {
                send(&link.writer, &frame).await.map_err(ConnectError::Io)?;
            }
            return Ok(Opened {
                agreement,
                input: receiver.input,
                frames: receiver.frames,
            });
        }
    }
}

/// Frames of a handshake as they come.
struct Receiver {
    decoder: Decoder,
    input: BytesMut,
    frames: VecDeque<Frame>,
    greeted: bool,
}

impl Receiver {
    fn new(input: BytesMut) -> Self {
        Self {
            decoder: Decoder::handshake(),
            input,
            frames: VecDeque::new(),
            greeted: false,
        }
    }

    /// The next frame.
    async fn frame(&mut self, link: &mut Link, role: Role) -> Result<Frame, ConnectError> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Ok(frame);
            }
            let is_clear = role == Role::Server || self.skip_greeting();
            if let Some(frame) = self.decode(is_clear)? {
                return Ok(frame);
            }
            if !self.receive(link).await.map_err(ConnectError::Io)? {
                return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn decode(&mut self, is_clear: bool) -> Result<Option<Frame>, HandshakeError> {
        if !is_clear {
            return Ok(None);
        }
        Ok(self.decoder.decode(&mut self.input)?)
    }

    /// Waits for more; false at the end.
    async fn receive(&mut self, link: &mut Link) -> io::Result<bool> {
        self.input.reserve(READ_BYTES);
        let (reader, input, frames) = (&mut link.reader, &mut self.input, &mut self.frames);
        let read = poll_fn(|cx| reader.poll_read(cx, input, READ_BYTES, frames)).await?;
        Ok(read == ReadEvent::Data)
    }

    /// Skips the three bytes of a listener that is shared with BUS/RT, which mean nothing here;
    /// says whether all that is left belongs to frames.
    fn skip_greeting(&mut self) -> bool {
        if !self.greeted && self.input.first() == Some(&GREETING_START) {
            if self.input.len() < GREETING_BYTES {
                return false;
            }
            drop(self.input.split_to(GREETING_BYTES));
        }
        self.greeted |= !self.input.is_empty();
        true
    }
}

/// Sends one frame of a handshake.
async fn send(writer: &Writer, frame: &Frame) -> io::Result<()> {
    let mut transmit = transmit(writer, frame);
    loop {
        match writer.try_write(&mut transmit, &mut 0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| writer.poll_write_ready(cx)).await?;
            }
            result => return result,
        }
    }
}

/// A frame of a handshake, of the sort that the link takes.
fn transmit(writer: &Writer, frame: &Frame) -> Transmit {
    match writer.empty_transmit() {
        Transmit::Frames(_) => Transmit::Frames(VecDeque::from([frame.clone()])),
        _ => {
            let mut segments = Segments::new();
            Handshake::encode(frame, &mut segments);
            Transmit::Segments(segments)
        }
    }
}

const GREETING_START: u8 = 0xEB;
const GREETING_BYTES: usize = 3;
const READ_BYTES: usize = 1024;
