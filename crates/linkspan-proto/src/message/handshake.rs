//! Kind 1: the opening of a session.

use std::fmt;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Limits;
use crate::error::MessageError;

/// A step of the opening.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Handshake {
    /// Step 1, by the client: what it can do and wants.
    Offer(Offer),
    /// Step 2, by the server: what will be done.
    Choice(Choice),
    /// Steps 3 and 4, proof and acceptance, when the choice asked for them.
    Authentication {
        /// 3 or 4.
        step: u64,
        /// The step's map, as it came.
        payload: Bytes,
    },
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
            Self::Authentication { step, .. } => *step,
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Offer(offer) => rmp_serde::encode::write_named(out, offer),
            Self::Choice(choice) => rmp_serde::encode::write_named(out, choice),
            Self::Authentication { payload, .. } => {
                out.extend_from_slice(payload);
                Ok(())
            }
        };
        written.expect("texts and numbers always encode");
    }

    pub(crate) fn decode(step: u64, payload: &Bytes) -> Result<Self, MessageError> {
        let offer = |_| MessageError::Malformed {
            part: "handshake offer",
        };
        let choice = |_| MessageError::Malformed {
            part: "handshake choice",
        };
        match step {
            1 => rmp_serde::from_slice(payload)
                .map(Self::Offer)
                .map_err(offer),
            2 => rmp_serde::from_slice(payload)
                .map(Self::Choice)
                .map_err(choice),
            3 | 4 => Ok(Self::Authentication {
                step,
                payload: payload.clone(),
            }),
            _ => Err(MessageError::Number {
                kind: "handshake",
                number: step,
            }),
        }
    }
}

/// 32 bytes as the binary type of `MessagePack`.
mod nonce {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        nonce: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(nonce)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        struct Nonce;
        impl Visitor<'_> for Nonce {
            type Value = [u8; 32];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                bytes
                    .try_into()
                    .map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Nonce)
    }
}
