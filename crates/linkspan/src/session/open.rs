//! The handshake over a real link.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use proto::error::HandshakeError;
use proto::frame::{Frame, Segments};
use proto::message::Failure;
use proto::session::{Agreement, Handshake, Transmit};
use proto::{Decoder, Role};

use crate::auth::Lease;
use crate::session::proving::Proving;
use crate::session::{Config, ConnectError};
use crate::transport::{Link, ReadEvent, Writer};

/// What a handshake leaves behind.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) agreement: Agreement,
    /// Bytes and frames that came after it.
    pub(crate) input: BytesMut,
    pub(crate) frames: VecDeque<Frame>,
    /// What a server granted to the client.
    pub(crate) lease: Option<Arc<Lease>>,
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
    let opening = async {
        let mut opening = Opening::new(link, role, config, input)?;
        match opening.negotiate().await {
            Err(ConnectError::Handshake(error)) => {
                opening.refuse(&error).await;
                Err(error.into())
            }
            result => result,
        }
    };
    match tokio::time::timeout(limit, opening).await {
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

/// A handshake under way.
struct Opening<'a> {
    link: &'a mut Link,
    handshake: Handshake,
    receiver: Receiver,
    proving: Proving<'a>,
}

impl<'a> Opening<'a> {
    fn new(
        link: &'a mut Link,
        role: Role,
        config: &'a Config,
        input: BytesMut,
    ) -> Result<Self, ConnectError> {
        let nonce = os::random_bytes().map_err(ConnectError::Io)?;
        let mut terms = config.protocol(&link.peer);
        let proving = Proving::new(role, config, &link.peer, &mut terms);
        Ok(Self {
            link,
            handshake: Handshake::new(role, terms, nonce),
            receiver: Receiver::new(input),
            proving,
        })
    }

    async fn negotiate(&mut self) -> Result<Opened, ConnectError> {
        loop {
            self.send_next().await?;
            let frame = self
                .receiver
                .frame(self.link, self.handshake.role())
                .await?;
            let agreed = self.handshake.handle_frame(frame)?;
            let peer = &mut self.link.peer;
            if let Some(agreement) = self.proving.go_on(peer, &mut self.handshake, agreed)? {
                self.send_next().await?;
                return Ok(Opened {
                    agreement,
                    input: std::mem::take(&mut self.receiver.input),
                    frames: std::mem::take(&mut self.receiver.frames),
                    lease: self.proving.take_lease(),
                });
            }
        }
    }

    async fn send_next(&mut self) -> Result<(), ConnectError> {
        match self.handshake.poll_transmit() {
            Some(frame) => send(&self.link.writer, &frame)
                .await
                .map_err(ConnectError::Io),
            None => Ok(()),
        }
    }

    /// Tells the peer why there is no session.
    async fn refuse(&mut self, error: &HandshakeError) {
        self.proving.note_failure(&self.link.peer, error);
        if let Some(failure) = error.to_failure() {
            let refusal = self.handshake.refuse(failure);
            send(&self.link.writer, &refusal).await.ok();
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
