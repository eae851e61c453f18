//! Opening: the client offers, the server chooses (docs/protocol.md, section 3).

use crate::codec::{Decoder, HANDSHAKE_VERSION};
use crate::config::{Config, Limits};
use crate::error::HandshakeError;
use crate::frame::{Checksum, Flags, Frame, Segments};
use crate::message::{self, Choice, Failure, Identity, Message, Offer};
use crate::session::{Recv, Send};
use crate::stream_id::{Role, StreamId};

/// The opening of a session, up to the [`Agreement`].
///
/// The driver alternates [`poll_transmit`](Self::poll_transmit) and
/// [`handle_frame`](Self::handle_frame) until there is an agreement, and limits the time.
#[derive(Debug)]
pub struct Handshake {
    role: Role,
    config: Config,
    nonce: [u8; 32],
    transmit: Option<Frame>,
    sent: u64,
    received: u64,
}

impl Handshake {
    /// Starts the opening; a client's offer is ready to be sent at once.
    ///
    /// `nonce` must be random and never used before.
    pub fn new(role: Role, config: Config, nonce: [u8; 32]) -> Self {
        let mut handshake = Self {
            role,
            config,
            nonce,
            transmit: None,
            sent: 0,
            received: 0,
        };
        if role == Role::Client {
            let offer = handshake.offer();
            handshake.push(message::Handshake::Offer(offer));
        }
        handshake
    }

    /// The side that this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The next frame to send, if there is one.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        self.transmit.take()
    }

    /// Takes the peer's frame; gives the agreement when it was the last.
    ///
    /// A server must still send what [`poll_transmit`](Self::poll_transmit) has then.
    ///
    /// # Errors
    ///
    /// Why no session comes about. [`HandshakeError::to_failure`] is for [`refusal`](Self::refusal).
    pub fn handle_frame(&mut self, frame: Frame) -> Result<Option<Agreement>, HandshakeError> {
        self.received = self.received.saturating_add(1);
        let expected = match self.role {
            Role::Client => "handshake choice",
            Role::Server => "handshake offer",
        };
        let found = match frame.message {
            Message::Error(failure) => return Err(HandshakeError::Refused(failure)),
            Message::Handshake(step) => match (self.role, *step) {
                (Role::Server, message::Handshake::Offer(offer)) => {
                    return self.choose(offer).map(Some);
                }
                (Role::Client, message::Handshake::Choice(choice)) => {
                    return self.agree(choice).map(Some);
                }
                _ => "handshake of another step",
            },
            _ => "frame of another kind",
        };
        Err(HandshakeError::Unexpected { expected, found })
    }

    /// A frame by which `role` refuses the session: the server's first, the client's second.
    pub fn refusal(role: Role, failure: Failure) -> Frame {
        let id = match role {
            Role::Client => 2,
            Role::Server => 1,
        };
        Frame::new(
            id,
            StreamId::CONNECTION,
            Flags::NONE,
            Message::Error(Box::new(failure)),
        )
    }

    /// Encodes a frame of the opening.
    pub fn encode(frame: &Frame, out: &mut Segments) {
        frame.encode(HANDSHAKE_VERSION, Checksum::Crc32, out);
    }

    fn offer(&self) -> Offer {
        let mut checksum = vec![CRC32.to_owned()];
        checksum.extend(self.config.unchecked.then(|| UNCHECKED.to_owned()));
        Offer {
            versions: self.config.versions,
            features: self.config.features.clone(),
            limits: self.config.limits,
            identity: self.config.identity.clone(),
            codecs: self.config.codecs.clone(),
            compression: Vec::new(),
            checksum,
            auth: Vec::new(),
            nonce: self.nonce,
        }
    }

    fn choose(&mut self, offer: Offer) -> Result<Agreement, HandshakeError> {
        let (client, server) = (offer.versions, self.config.versions);
        let version = client.common(server).ok_or(HandshakeError::Version {
            client,
            server,
            upgrade: if client.max < server.min {
                Role::Client
            } else {
                Role::Server
            },
        })?;
        offer.limits.check()?;
        let unchecked = self.config.unchecked && offer.checksum.iter().any(|sum| sum == UNCHECKED);
        let choice = Choice {
            version,
            features: common(&self.config.features, &offer.features),
            limits: self.config.limits,
            identity: self.config.identity.clone(),
            codecs: common(&self.config.codecs, &offer.codecs),
            compression: Vec::new(),
            checksum: if unchecked { UNCHECKED } else { CRC32 }.to_owned(),
            auth: None,
            nonce: self.nonce,
        };
        self.push(message::Handshake::Choice(choice.clone()));
        let terms = Terms {
            choice,
            peer_limits: offer.limits,
            peer: offer.identity,
        };
        Ok(self.agreement(terms, [offer.nonce, self.nonce]))
    }

    fn agree(&mut self, choice: Choice) -> Result<Agreement, HandshakeError> {
        let offered = self.config.versions;
        if !offered.contains(choice.version) {
            return Err(HandshakeError::ChosenVersion {
                chosen: choice.version,
                offered,
            });
        }
        choice.limits.check()?;
        if let Some(method) = choice.auth {
            return Err(HandshakeError::Authentication { method });
        }
        let nonces = [self.nonce, choice.nonce];
        let (peer_limits, peer) = (choice.limits, choice.identity.clone());
        Ok(self.agreement(
            Terms {
                choice,
                peer_limits,
                peer,
            },
            nonces,
        ))
    }

    fn agreement(&self, terms: Terms, nonces: [[u8; 32]; 2]) -> Agreement {
        // A client goes without checksums only if it offered to.
        let unchecked = self.config.unchecked && terms.choice.checksum == UNCHECKED;
        Agreement {
            role: self.role,
            version: terms.choice.version,
            checksum: if unchecked {
                Checksum::Off
            } else {
                Checksum::Crc32
            },
            features: common(&self.config.features, &terms.choice.features),
            codecs: common(&self.config.codecs, &terms.choice.codecs),
            peer: terms.peer,
            peer_limits: terms.peer_limits,
            nonces,
            sent: self.sent,
            received: self.received,
            config: self.config.clone(),
        }
    }

    fn push(&mut self, step: message::Handshake) {
        self.sent = self.sent.saturating_add(1);
        let message = Message::Handshake(Box::new(step));
        self.transmit = Some(Frame::new(
            self.sent,
            StreamId::CONNECTION,
            Flags::NONE,
            message,
        ));
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Agreement {
    /// The side that this is.
    pub role: Role,
    /// Version of all later frames.
    pub version: u8,
    /// Whether frames carry checksums.
    pub checksum: Checksum,
    /// Features that both sides know.
    pub features: Vec<String>,
    /// Body encodings that both sides read.
    pub codecs: Vec<String>,
    /// Who the peer says it is.
    pub peer: Identity,
    /// What the peer takes.
    pub peer_limits: Limits,
    /// The client's and the server's nonce, for proofs.
    pub nonces: [[u8; 32]; 2],
    /// Frames that this side sent so far.
    pub(crate) sent: u64,
    /// Frames that this side received so far.
    pub(crate) received: u64,
    pub(crate) config: Config,
}

impl Agreement {
    /// What this side takes.
    pub fn limits(&self) -> Limits {
        self.config.limits
    }

    /// Flags that the frames that follow may have.
    pub(crate) fn flags(&self) -> Flags {
        let knows = |feature| self.features.iter().any(|name| name == feature);
        Flags::END
            .with(Flags::METADATA)
            .with(Flags::CONTINUED.when(knows(Config::CONTINUED)))
            .with(Flags::SEALED.when(knows(Config::SEALED)))
    }

    /// The decoder for the frames that follow.
    pub fn decoder(&self) -> Decoder {
        Decoder::new(
            self.version,
            self.checksum,
            self.config.limits.max_frame_bytes,
        )
    }

    /// The receiving half.
    pub fn recv(&self) -> Recv {
        Recv::new(self)
    }

    /// The sending half for a transport that moves bytes.
    pub fn send_bytes<A>(&self, now: std::time::Instant) -> Send<A> {
        Send::new(self, now, crate::session::Transmit::bytes())
    }

    /// The sending half for a transport that moves frames by value.
    pub fn send_frames<A>(&self, now: std::time::Instant) -> Send<A> {
        Send::new(self, now, crate::session::Transmit::frames())
    }
}

struct Terms {
    choice: Choice,
    peer_limits: Limits,
    peer: Identity,
}

impl Limits {
    /// Whether the protocol works with these limits.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Limit`] names the limit that is too low.
    pub fn check(&self) -> Result<(), HandshakeError> {
        let frame = u64::from(LEAST_FRAME_BYTES);
        let connection = self.reserve_bytes().saturating_add(frame);
        let limits = [
            ("max_frame_bytes", u64::from(self.max_frame_bytes), frame),
            ("max_streams", u64::from(self.max_streams), 1),
            ("stream_credit", self.stream_credit, frame),
            ("connection_credit", self.connection_credit, connection),
        ];
        match limits.into_iter().find(|(_, value, least)| value < least) {
            Some((name, value, least)) => Err(HandshakeError::Limit { name, value, least }),
            None => Ok(()),
        }
    }
}

/// Those of `ours` that are in `theirs`.
fn common(ours: &[String], theirs: &[String]) -> Vec<String> {
    ours.iter()
        .filter(|name| theirs.contains(name))
        .cloned()
        .collect()
}

const CRC32: &str = "crc32";
const UNCHECKED: &str = "unchecked";
/// Below this, method names and failures would not fit into a frame.
const LEAST_FRAME_BYTES: u32 = 16 * 1024;
