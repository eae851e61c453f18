//! What a session's opening leads to.

use crate::codec::Decoder;
use crate::config::{Config, Limits};
use crate::error::HandshakeError;
use crate::frame::{Checksum, Compression, Flags};
use crate::message::{Accepted, Identity, Request, Response};
use crate::session::push::{
    FRAGMENT_BYTES, head_bytes_of_request, head_bytes_of_response, head_room,
};
use crate::session::{Recv, Send, Transcript};
use crate::stream_id::Role;

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
    /// Compression that both sides inflate, in the order that this side prefers.
    pub compression: Vec<Compression>,
    /// Who the peer says it is.
    pub peer: Identity,
    /// What the peer takes.
    pub peer_limits: Limits,
    /// The client's and the server's nonce.
    pub nonces: [[u8; 32]; 2],
    /// What the server granted to a client that proved who it is.
    pub accepted: Option<Accepted>,
    /// What was said before that proof; it binds later ones, too.
    pub transcript: Option<Transcript>,
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
            .with(self.compressed())
    }

    /// Flags of the compression that was agreed on.
    fn compressed(&self) -> Flags {
        let flags = self.compression.iter().map(|it| it.flag());
        flags.fold(Flags::NONE, Flags::with)
    }

    /// Whether bodies may be sent in pieces of this side's making.
    pub fn has_pieces(&self) -> bool {
        self.flags().contains(Flags::CONTINUED)
    }

    /// Longest body of this request that one frame takes, in bytes.
    pub fn request_room(&self, request: &Request) -> usize {
        head_room(&self.peer_limits, head_bytes_of_request(request))
    }

    /// Longest body of this response that one frame takes, in bytes.
    pub fn response_room(&self, response: &Response) -> usize {
        head_room(&self.peer_limits, head_bytes_of_response(response))
    }

    /// Longest [piece](crate::session::Piece) that credit for it is certain to come in one, in bytes
    /// (docs/protocol.md, section 6.4).
    pub fn piece_room(&self) -> usize {
        let limits = &self.peer_limits;
        let connection = limits
            .connection_credit
            .saturating_sub(limits.reserve_bytes());
        let credit = limits.stream_credit.min(connection);
        let frame = credit.min(limits.max_frame_bytes.into());
        usize::try_from(frame).map_or(FRAGMENT_BYTES, |frame| frame.min(FRAGMENT_BYTES))
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

/// Below this, method names and failures would not fit into a frame.
const LEAST_FRAME_BYTES: u32 = 16 * 1024;
