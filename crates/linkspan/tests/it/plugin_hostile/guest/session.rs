//! A plugin's side of a session by hand: what is said on it, right or wrong, is up to who holds it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use bytes::{Buf, BytesMut};
use proto::frame::{Checksum, Flags, Frame, Segments};
use proto::message::{Identity, Message, Response, Status, VersionRange};
use proto::session::{Agreement, Handshake};
use proto::{Config, Decoder, Role, StreamId};
use serde::Serialize;

/// A session that was agreed on.
pub(crate) struct Session {
    pub(crate) socket: UnixStream,
    input: BytesMut,
    agreement: Agreement,
    next_id: u64,
}

impl Session {
    /// Answers the host's offer; where no version is common, it says so and gives an error.
    pub(crate) fn open(mut socket: UnixStream, versions: VersionRange) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        let mut config = Config::default();
        config.versions = versions;
        config.identity = Identity::new("hostile", "1.0", "");
        let nonce = os::random_bytes()?;
        let mut handshake = Handshake::new(Role::Server, config, nonce);
        let mut input = BytesMut::new();
        let offer = read(&mut socket, &mut input, &mut Decoder::handshake())?;
        let offer = offer.ok_or(io::ErrorKind::UnexpectedEof)?;
        let agreed = handshake.handle_frame(offer);
        let answer = match &agreed {
            Ok(_) => handshake.poll_transmit(),
            Err(error) => error.to_failure().map(|failure| handshake.refuse(failure)),
        };
        let mut segments = Segments::new();
        if let Some(frame) = answer {
            Handshake::encode(&frame, &mut segments);
        }
        socket.write_all(&segments.copy_to_bytes(segments.remaining()))?;
        let agreement = agreed.map_err(io::Error::other)?;
        Ok(Self {
            socket,
            input,
            agreement: agreement.ok_or(io::ErrorKind::PermissionDenied)?,
            next_id: 2,
        })
    }

    /// The next frame; none at the end of the connection.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Frame>> {
        let mut decoder = self.agreement.decoder();
        read(&mut self.socket, &mut self.input, &mut decoder)
    }

    /// Sends a message with the next number.
    pub(crate) fn send(
        &mut self,
        stream: StreamId,
        flags: Flags,
        message: Message,
    ) -> io::Result<()> {
        let frame = Frame::new(self.next_id, stream, flags, message);
        self.next_id += 1;
        let mut segments = Segments::new();
        let checksum: Checksum = self.agreement.checksum;
        frame.encode(self.agreement.version, checksum, &mut segments);
        self.socket
            .write_all(&segments.copy_to_bytes(segments.remaining()))
    }

    /// Answers a request.
    pub(crate) fn respond(&mut self, stream: StreamId, value: &impl Serialize) -> io::Result<()> {
        let body = rmp_serde::to_vec_named(value).map_err(io::Error::other)?;
        let response = Response::new(Status::Ok, body.into());
        self.send(stream, Flags::END, Message::Response(response))
    }
}

fn read(
    socket: &mut UnixStream,
    input: &mut BytesMut,
    decoder: &mut Decoder,
) -> io::Result<Option<Frame>> {
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(frame) = decoder.decode(input).map_err(io::Error::other)? {
            return Ok(Some(frame));
        }
        let count = socket.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(None);
        };
        input.extend_from_slice(bytes);
    }
}
