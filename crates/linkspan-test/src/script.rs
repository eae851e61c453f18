//! A peer that says exactly what the test wants.

use std::time::Instant;

use bytes::{Buf, BytesMut};
use proto::frame::{Checksum, Flags, Frame, Segments};
use proto::message::Message;
use proto::session::{EndError, Incoming, Session};
use proto::{Config, Decoder, Role, StreamId};

/// A session under test whose peer is the test itself.
///
/// The handshake is done properly; after it the test sends whatever it likes.
#[derive(Debug)]
pub struct Script {
    session: Session,
    decoder: Decoder,
    inbox: BytesMut,
    now: Instant,
    next_id: u64,
}

impl Script {
    /// Opens a session that plays `role`; the test is its peer.
    ///
    /// # Panics
    ///
    /// If the handshake fails.
    pub fn new(role: Role, config: Config) -> Self {
        let now = Instant::now();
        let mut peer = Config::default();
        peer.compression.clone_from(&config.compression);
        let mut session = Session::new(role, config, [1; 32]);
        let mut peer: Session = Session::new(role.peer(), peer, [2; 32]);
        for _ in 0..2 {
            relay(&mut session, &mut peer, now);
            relay(&mut peer, &mut session, now);
        }
        let agreement = peer.agreement().expect("the handshake is through");
        Self {
            session,
            decoder: agreement.decoder(),
            inbox: BytesMut::new(),
            now,
            next_id: 2,
        }
    }

    /// Sends a message on `stream` with the next number.
    ///
    /// # Errors
    ///
    /// Why the session ended by it.
    pub fn send(
        &mut self,
        stream: u64,
        flags: Flags,
        message: Message,
    ) -> Result<Vec<Incoming>, EndError> {
        let id = self.next_id;
        self.next_id += 1;
        self.send_frame(&Frame::new(id, StreamId::new(stream), flags, message))
    }

    /// Sends a frame as it is.
    ///
    /// # Errors
    ///
    /// Why the session ended by it.
    pub fn send_frame(&mut self, frame: &Frame) -> Result<Vec<Incoming>, EndError> {
        let mut segments = Segments::new();
        frame.encode(1, Checksum::Crc32, &mut segments);
        let bytes = segments.copy_to_bytes(segments.remaining());
        self.send_bytes(&bytes)
    }

    /// Sends bytes that need not be a frame.
    ///
    /// # Errors
    ///
    /// Why the session ended by them.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<Vec<Incoming>, EndError> {
        self.session
            .handle_bytes(self.now, &mut BytesMut::from(bytes))?;
        Ok(std::iter::from_fn(|| self.session.poll_incoming()).collect())
    }

    /// Frames that the session has sent since the last call.
    ///
    /// # Panics
    ///
    /// If what it sent is not frames.
    pub fn receive(&mut self) -> Vec<Frame> {
        let mut sent = Vec::new();
        self.session.poll_transmit(&mut sent);
        self.inbox.extend_from_slice(&sent);
        std::iter::from_fn(|| self.decoder.decode(&mut self.inbox).expect("frames")).collect()
    }

    /// The session under test.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The time, which stands still.
    pub fn now(&self) -> Instant {
        self.now
    }
}

fn relay(from: &mut Session, to: &mut Session, now: Instant) {
    let mut wire = Vec::new();
    from.poll_transmit(&mut wire);
    to.handle_bytes(now, &mut BytesMut::from(&wire[..]))
        .expect("the handshake succeeds");
}
