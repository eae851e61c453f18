//! Opening: the client offers, the server chooses, and asks for proof if it wants any
//! (docs/protocol.md, section 3).

use crate::codec::HANDSHAKE_VERSION;
use crate::config::{Config, Limits};
use crate::error::HandshakeError;
use crate::frame::{Checksum, Compression, Flags, Frame, Segments};
use crate::message::{self, Accepted, Choice, Failure, Identity, Message, Offer, Proof};
use crate::session::{Agreement, Transcript};
use crate::stream_id::{Role, StreamId};

/// The opening of a session, up to the [`Agreement`].
///
/// The driver alternates [`poll_transmit`](Self::poll_transmit) and
/// [`handle_frame`](Self::handle_frame) until there is an agreement, and limits the time. In between
/// a client may be [asked](Self::challenge) to [`prove`](Self::prove) who it is, and a server has to
/// [judge](Self::claim) that proof before it [accepts](Self::accept).
#[derive(Debug)]
pub struct Handshake {
    role: Role,
    config: Config,
    nonce: [u8; 32],
    stage: Stage,
    transmit: Option<Frame>,
    sent: u64,
    received: u64,
}

/// How far an opening has come.
#[derive(Debug)]
enum Stage {
    /// The client's offer, or the server's choice, is still to come.
    Offering,
    /// The server asked for proof by a method.
    Challenged(Box<Pending>),
    /// A client gave its proof; a server has it.
    Proved(Box<Pending>, Option<Proof>),
    /// Nothing follows.
    Over,
}

/// What will be agreed on once the client has proved who it is.
#[derive(Debug)]
struct Pending {
    method: String,
    transcript: Transcript,
    agreement: Agreement,
}

/// A client's proof, to be judged.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Claim<'a> {
    /// How it proves who it is.
    pub method: &'a str,
    /// By what.
    pub proof: &'a Proof,
    /// What was said before.
    pub transcript: &'a Transcript,
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
            stage: Stage::Offering,
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
    /// A server must still send what [`poll_transmit`](Self::poll_transmit) has then. Without an
    /// agreement a client has a [`challenge`](Self::challenge) to meet, a server a
    /// [`claim`](Self::claim) to judge, or the next frame is to come.
    ///
    /// # Errors
    ///
    /// Why no session comes about. [`HandshakeError::to_failure`] is for
    /// [`refuse`](Self::refuse).
    pub fn handle_frame(&mut self, frame: Frame) -> Result<Option<Agreement>, HandshakeError> {
        self.received = self.received.saturating_add(1);
        let found = match frame.message {
            Message::Error(failure) => return Err(HandshakeError::Refused(failure)),
            Message::Handshake(step) => match (self.role, *step) {
                (Role::Server, message::Handshake::Offer(offer)) if self.is_offering() => {
                    return self.choose(offer);
                }
                (Role::Client, message::Handshake::Choice(choice)) if self.is_offering() => {
                    return self.agree(choice);
                }
                (Role::Server, message::Handshake::Proof(proof)) if self.is_challenging() => {
                    self.take_proof(proof);
                    return Ok(None);
                }
                (Role::Client, message::Handshake::Accepted(accepted)) if self.has_proved() => {
                    return Ok(self.complete(accepted));
                }
                _ => "handshake of another step",
            },
            _ => "frame of another kind",
        };
        let expected = self.expected();
        Err(HandshakeError::Unexpected { expected, found })
    }

    /// By which method a client has to prove who it is now, and what was said so far.
    pub fn challenge(&self) -> Option<(&str, &Transcript)> {
        match &self.stage {
            Stage::Challenged(pending) if self.role == Role::Client => {
                Some((&pending.method, &pending.transcript))
            }
            _ => None,
        }
    }

    /// Proves who the client is; does nothing if it was not asked to.
    pub fn prove(&mut self, proof: Proof) {
        if self.challenge().is_some() {
            self.take_proof(proof.clone());
            self.push(message::Handshake::Proof(proof));
        }
    }

    /// What a client says to be, for the server to judge.
    pub fn claim(&self) -> Option<Claim<'_>> {
        match &self.stage {
            Stage::Proved(pending, Some(proof)) if self.role == Role::Server => Some(Claim {
                method: &pending.method,
                proof,
                transcript: &pending.transcript,
            }),
            _ => None,
        }
    }

    /// Believes a client; nothing comes of it if there is no [`claim`](Self::claim).
    ///
    /// What [`poll_transmit`](Self::poll_transmit) has then is still to be sent.
    pub fn accept(&mut self, accepted: Accepted) -> Option<Agreement> {
        self.claim()?;
        self.push(message::Handshake::Accepted(accepted.clone()));
        self.complete(accepted)
    }

    /// Ends the opening: gives the frame by which this side refuses the session, the last that it
    /// sends.
    pub fn refuse(&mut self, failure: Failure) -> Frame {
        // Of what was to be sent nothing has been.
        let unsent = u64::from(self.transmit.take().is_some());
        self.stage = Stage::Over;
        let id = self.sent.saturating_sub(unsent).saturating_add(1);
        refusal(id, failure)
    }

    /// A frame by which `role` refuses the session: the server's first, the client's second.
    pub fn refusal(role: Role, failure: Failure) -> Frame {
        let id = match role {
            Role::Client => 2,
            Role::Server => 1,
        };
        refusal(id, failure)
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
            compression: names(&self.config.compression),
            checksum,
            auth: self.config.auth.clone(),
            nonce: self.nonce,
            wire: message::Wire::default(),
        }
    }

    fn choose(&mut self, offer: Offer) -> Result<Option<Agreement>, HandshakeError> {
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
        let method = common(&offer.auth, &self.config.auth).into_iter().next();
        if method.is_none() && self.config.auth_required {
            return Err(HandshakeError::Unauthenticated);
        }
        let unchecked = self.config.unchecked && offer.checksum.iter().any(|sum| sum == UNCHECKED);
        let choice = Choice {
            version,
            features: common(&self.config.features, &offer.features),
            limits: self.config.limits,
            identity: self.config.identity.clone(),
            codecs: common(&self.config.codecs, &offer.codecs),
            compression: common(&names(&self.config.compression), &offer.compression),
            checksum: if unchecked { UNCHECKED } else { CRC32 }.to_owned(),
            auth: method.clone(),
            nonce: self.nonce,
            wire: message::Wire::default(),
        };
        self.push(message::Handshake::Choice(choice.clone()));
        let agreement = self.agreement(&choice, [offer.nonce, self.nonce], &offer);
        Ok(self.agreed(method, offer, choice, agreement))
    }

    fn agree(&mut self, choice: Choice) -> Result<Option<Agreement>, HandshakeError> {
        let offered = self.config.versions;
        if !offered.contains(choice.version) {
            return Err(HandshakeError::ChosenVersion {
                chosen: choice.version,
                offered,
            });
        }
        choice.limits.check()?;
        if choice.nonce == self.nonce {
            return Err(HandshakeError::Reflected);
        }
        let method = choice.auth.clone();
        match &method {
            Some(method) if !self.config.auth.contains(method) => {
                let method = method.clone();
                return Err(HandshakeError::Authentication { method });
            }
            None if self.config.auth_required => return Err(HandshakeError::NotAsked),
            _ => {}
        }
        let agreement = self.agreement(&choice, [self.nonce, choice.nonce], &choice);
        Ok(self.agreed(method, self.offer(), choice, agreement))
    }

    /// Gives the agreement, or keeps it until the client has proved who it is.
    fn agreed(
        &mut self,
        method: Option<String>,
        offer: Offer,
        choice: Choice,
        agreement: Agreement,
    ) -> Option<Agreement> {
        let Some(method) = method else {
            self.stage = Stage::Over;
            return Some(agreement);
        };
        let (offer, choice) = (
            message::Handshake::Offer(offer),
            message::Handshake::Choice(choice),
        );
        self.stage = Stage::Challenged(Box::new(Pending {
            method,
            transcript: Transcript::new(&offer.to_wire(), &choice.to_wire()),
            agreement,
        }));
        None
    }

    fn take_proof(&mut self, proof: Proof) {
        if let Stage::Challenged(pending) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.stage = Stage::Proved(pending, Some(proof));
        }
    }

    fn complete(&mut self, accepted: Accepted) -> Option<Agreement> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Proved(pending, _) => Some(Agreement {
                accepted: Some(accepted),
                transcript: Some(pending.transcript),
                sent: self.sent,
                received: self.received,
                ..pending.agreement
            }),
            _ => None,
        }
    }

    fn agreement(&self, choice: &Choice, nonces: [[u8; 32]; 2], peer: &impl Told) -> Agreement {
        // A client goes without checksums only if it offered to.
        let unchecked = self.config.unchecked && choice.checksum == UNCHECKED;
        let (identity, limits) = peer.told();
        Agreement {
            role: self.role,
            version: choice.version,
            checksum: if unchecked {
                Checksum::Off
            } else {
                Checksum::Crc32
            },
            features: common(&self.config.features, &choice.features),
            codecs: common(&self.config.codecs, &choice.codecs),
            compression: self.common_compression(&choice.compression),
            peer: identity.clone(),
            peer_limits: limits,
            nonces,
            accepted: None,
            transcript: None,
            sent: self.sent,
            received: self.received,
            config: self.config.clone(),
        }
    }

    /// What this side and the peer both inflate, in the order that this side prefers.
    fn common_compression(&self, theirs: &[String]) -> Vec<Compression> {
        let is_theirs = |ours: &Compression| theirs.iter().any(|name| name == ours.name());
        let ours = self.config.compression.iter().copied();
        ours.filter(is_theirs).collect()
    }

    fn is_offering(&self) -> bool {
        matches!(self.stage, Stage::Offering)
    }

    fn is_challenging(&self) -> bool {
        matches!(self.stage, Stage::Challenged(_))
    }

    fn has_proved(&self) -> bool {
        matches!(self.stage, Stage::Proved(..))
    }

    /// What is to come, for errors.
    fn expected(&self) -> &'static str {
        match (self.role, &self.stage) {
            (Role::Client, Stage::Offering) => "handshake choice",
            (Role::Server, Stage::Offering) => "handshake offer",
            (Role::Client, Stage::Proved(..)) => "handshake acceptance",
            (Role::Server, Stage::Challenged(_)) => "handshake proof",
            _ => "nothing",
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

fn refusal(id: u64, failure: Failure) -> Frame {
    Frame::new(
        id,
        StreamId::CONNECTION,
        Flags::NONE,
        Message::Error(Box::new(failure)),
    )
}

/// What a side says of itself.
trait Told {
    fn told(&self) -> (&Identity, Limits);
}

impl Told for Offer {
    fn told(&self) -> (&Identity, Limits) {
        (&self.identity, self.limits)
    }
}

impl Told for Choice {
    fn told(&self) -> (&Identity, Limits) {
        (&self.identity, self.limits)
    }
}

fn names(compression: &[Compression]) -> Vec<String> {
    compression.iter().map(ToString::to_string).collect()
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
