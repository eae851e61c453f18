//! Kind 1: the opening of a session.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Limits;
use crate::error::MessageError;
use crate::message::binary::nonce;
use crate::message::{Accepted, Proof};

/// A step of the opening.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Handshake {
    /// Step 1, by the client: what it can do and wants.
    Offer(Offer),
    /// Step 2, by the server: what will be done.
    Choice(Choice),
    /// Step 3, by a client of which the choice asked it: who it is.
    Proof(Proof),
    /// Step 4, by the server: that it believes it.
    Accepted(Accepted),
}

/// What a client can do and wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Offer {
    /// Protocol versions that the client speaks.
    pub versions: VersionRange,
    /// Features that it knows, by name.
    #[serde(default)]
    pub features: Vec<String>,
    /// What it can take.
    #[serde(default)]
    pub limits: Limits,
    /// Who it is.
    #[serde(default)]
    pub identity: Identity,
    /// Body encodings that it reads.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Compression that it reads.
    #[serde(default)]
    pub compression: Vec<String>,
    /// Checksums that it accepts: `crc32`, `unchecked`.
    #[serde(default)]
    pub checksum: Vec<String>,
    /// Ways in which it can authenticate.
    #[serde(default)]
    pub auth: Vec<String>,
    /// Its contribution to proofs.
    #[serde(with = "nonce")]
    pub nonce: [u8; 32],
    #[serde(skip)]
    pub(crate) wire: Wire,
}

/// What a server chose from an [`Offer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Choice {
    /// The protocol version of all later frames.
    pub version: u8,
    /// Features that both sides know.
    #[serde(default)]
    pub features: Vec<String>,
    /// What the server can take.
    #[serde(default)]
    pub limits: Limits,
    /// Who the server is.
    #[serde(default)]
    pub identity: Identity,
    /// Body encodings that both sides read.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Compression that both sides read.
    #[serde(default)]
    pub compression: Vec<String>,
    /// `crc32` or `unchecked`.
    #[serde(default)]
    pub checksum: String,
    /// The way in which the client must authenticate, if it must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// The server's contribution to proofs.
    #[serde(with = "nonce")]
    pub nonce: [u8; 32],
    #[serde(skip)]
    pub(crate) wire: Wire,
}

/// A message as it came, if it came over a wire; it may say more than is understood. Two messages
/// that say the same are the same, however they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Option<Bytes>);

impl Wire {
    fn of(payload: &Bytes) -> Self {
        Self(Some(payload.clone()))
    }
}

impl PartialEq for Wire {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Who a peer says it is; nothing of it is proved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// Name of the program or service.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Which build of it.
    #[serde(default)]
    pub build_id: String,
}

impl Identity {
    /// Makes an identity.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        build_id: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            build_id: build_id.into(),
        }
    }
}

/// Protocol versions from `min` to `max`, both included; an array of two on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionRange {
    /// The lowest.
    pub min: u8,
    /// The highest.
    pub max: u8,
}

impl VersionRange {
    /// Versions that this crate speaks.
    pub const SUPPORTED: Self = Self { min: 1, max: 1 };

    /// Makes a range.
    pub const fn new(min: u8, max: u8) -> Self {
        Self { min, max }
    }

    /// The highest version in both ranges.
    pub fn common(self, other: Self) -> Option<u8> {
        let highest = self.max.min(other.max);
        (highest >= self.min.max(other.min)).then_some(highest)
    }

    /// Whether `version` is in the range.
    pub fn contains(self, version: u8) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

impl Serialize for VersionRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.min, self.max).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for VersionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (min, max) = <(u8, u8)>::deserialize(deserializer)?;
        if min > max {
            return Err(D::Error::custom("the lowest version is above the highest"));
        }
        Ok(Self { min, max })
    }
}

impl Handshake {
    pub(crate) fn step(&self) -> u64 {
        match self {
            Self::Offer(_) => 1,
            Self::Choice(_) => 2,
            Self::Proof(_) => 3,
            Self::Accepted(_) => 4,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Offer(offer) => rmp_serde::encode::write_named(out, offer),
            Self::Choice(choice) => rmp_serde::encode::write_named(out, choice),
            Self::Proof(proof) => rmp_serde::encode::write_named(out, proof),
            Self::Accepted(accepted) => rmp_serde::encode::write_named(out, accepted),
        };
        written.expect("texts and numbers always encode");
    }

    pub(crate) fn decode(step: u64, payload: &Bytes) -> Result<Self, MessageError> {
        Ok(match step {
            1 => {
                let mut offer: Offer = read(payload, "handshake offer")?;
                offer.wire = Wire::of(payload);
                Self::Offer(offer)
            }
            2 => {
                let mut choice: Choice = read(payload, "handshake choice")?;
                choice.wire = Wire::of(payload);
                Self::Choice(choice)
            }
            3 => Self::Proof(read(payload, "handshake proof")?),
            4 => Self::Accepted(read(payload, "handshake acceptance")?),
            number => {
                return Err(MessageError::Number {
                    kind: "handshake",
                    number,
                });
            }
        })
    }

    /// An offer or choice as it came, or as it is sent.
    pub(crate) fn to_wire(&self) -> Bytes {
        let wire = match self {
            Self::Offer(offer) => &offer.wire,
            Self::Choice(choice) => &choice.wire,
            Self::Proof(_) | Self::Accepted(_) => &Wire(None),
        };
        wire.0.clone().unwrap_or_else(|| {
            let mut encoded = Vec::new();
            self.encode(&mut encoded);
            encoded.into()
        })
    }
}

fn read<T: DeserializeOwned>(payload: &Bytes, part: &'static str) -> Result<T, MessageError> {
    rmp_serde::from_slice(payload).map_err(|_| MessageError::Malformed { part })
}
