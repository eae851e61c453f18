//! What the fuzzer says about an opening.

use arbitrary::Arbitrary;
use bytes::Buf;
use proto::frame::{Frame, HEADER_BYTES, Segments, TRAILER_BYTES};
use proto::message::{self, Identity, Message, VersionRange};
use proto::session::Handshake;
use proto::{Config, Role};

use crate::fuzz::wire::repair;

/// Who meets whom.
#[derive(Debug, Arbitrary)]
pub(super) enum Case<'a> {
    /// One side, and bytes.
    Bytes {
        side: Side,
        lengths: [u8; 2],
        bytes: &'a [u8],
    },
    /// One side, and a payload in a correct frame.
    Frame {
        side: Side,
        kind: u8,
        number: u8,
        payload: &'a [u8],
    },
    /// One side, and the right frame of a correct peer with other values in it.
    Changed {
        side: Side,
        peer: Terms,
        changes: Changes,
    },
    /// One side, and the right frame of a correct peer with other bytes in it.
    Patched {
        side: Side,
        peer: Terms,
        patches: Vec<(u16, u8)>,
    },
    /// Two correct sides.
    Honest {
        client: Terms,
        server: Terms,
        lengths: [u8; 2],
    },
}

#[derive(Debug, Arbitrary)]
pub(super) struct Side {
    is_server: bool,
    pub(super) terms: Terms,
}

/// What a side can do and takes.
#[derive(Debug, Arbitrary)]
pub(super) struct Terms {
    versions: (u8, u8),
    /// One bit for each of eight features.
    features: u8,
    /// One bit for each of eight codecs.
    codecs: u8,
    unchecked: bool,
    /// Frame, streams, stream credit and connection credit; the last two in KiB.
    limits: (u16, u8, u8, u8),
}

/// Values that no correct peer sends, or that this version never sends.
#[derive(Debug, Arbitrary)]
pub(super) struct Changes {
    version: u8,
    features: u8,
    auth: Option<bool>,
    unchecked: Option<bool>,
    connection_credit: Option<u64>,
}

impl Side {
    pub(super) fn role(&self) -> Role {
        if self.is_server {
            Role::Server
        } else {
            Role::Client
        }
    }
}

impl Terms {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        let (first, more) = self.versions;
        config.versions = VersionRange::new(1 + first % 4, 1 + first % 4 + more % 4);
        config.features = names(self.features);
        config.codecs = names(self.codecs);
        config.unchecked = self.unchecked;
        config.identity = Identity::new("name", "1.0", "");
        let (frame, streams, stream_credit, connection_credit) = self.limits;
        // Most values are usable, some are below the least usable ones.
        config.limits.max_frame_bytes = 16_000 + u32::from(frame);
        config.limits.max_streams = streams.into();
        config.limits.stream_credit = 15 * 1024 + u64::from(stream_credit) * 1024;
        config.limits.connection_credit = 45 * 1024 + u64::from(connection_credit) * 1024;
        config
    }
}

/// What a correct peer says first to a side.
pub(super) fn honest_frame(side: &Side, peer: &Terms) -> Frame {
    let opening = |role, terms: &Terms| Handshake::new(role, terms.config(), nonce(role));
    let mut client = match side.role() {
        Role::Server => {
            return opening(Role::Client, peer)
                .poll_transmit()
                .expect("an offer");
        }
        Role::Client => opening(Role::Client, &side.terms),
    };
    let mut server = opening(Role::Server, peer);
    let offer = client.poll_transmit().expect("an offer");
    match server.handle_frame(offer) {
        Ok(_) => server.poll_transmit().expect("a choice"),
        Err(error) => Handshake::refusal(
            Role::Server,
            error.to_failure().expect("the server's own refusal"),
        ),
    }
}

impl Changes {
    pub(super) fn applied_to(&self, mut frame: Frame) -> Frame {
        let checksum = self.unchecked.map(|unchecked| match unchecked {
            true => "unchecked".to_owned(),
            false => "something else".to_owned(),
        });
        let Message::Handshake(step) = &mut frame.message else {
            return frame;
        };
        let limits = match &mut **step {
            message::Handshake::Offer(offer) => {
                offer.versions = VersionRange::new(0, self.version);
                offer.features = names(self.features);
                offer.checksum = checksum.into_iter().collect();
                offer.auth = self.auth.map(|_| "token".to_owned()).into_iter().collect();
                &mut offer.limits
            }
            message::Handshake::Choice(choice) => {
                choice.version = self.version;
                choice.features = names(self.features);
                choice.codecs = names(self.features.reverse_bits());
                choice.checksum = checksum.unwrap_or_default();
                choice.auth = self.auth.map(|_| "token".to_owned());
                &mut choice.limits
            }
            _ => return frame,
        };
        limits.connection_credit = self.connection_credit.unwrap_or(limits.connection_credit);
        Frame::new(frame.id, frame.stream, frame.flags, frame.message)
    }
}

/// Puts bytes into the payload, and makes the checksums right again.
pub(super) fn patched(mut frame: Vec<u8>, patches: &[(u16, u8)]) -> Vec<u8> {
    let payload = HEADER_BYTES..frame.len() - TRAILER_BYTES;
    for (place, byte) in patches {
        let place = payload.start + usize::from(*place) % payload.len();
        if let Some(to) = frame.get_mut(place) {
            *to = *byte;
        }
    }
    repair(&mut frame);
    frame
}

pub(super) fn encode(frame: &Frame) -> Vec<u8> {
    let mut segments = Segments::new();
    Handshake::encode(frame, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}

/// The names that the bits stand for.
fn names(bits: u8) -> Vec<String> {
    let chosen = (0..u8::BITS).filter(|bit| bits & (1 << bit) != 0);
    chosen.map(|bit| format!("name-{bit}")).collect()
}

pub(super) fn nonce(role: Role) -> [u8; 32] {
    match role {
        Role::Client => [1; 32],
        Role::Server => [2; 32],
    }
}
