//! What the broker itself publishes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// An event of the broker's, published by [`BROKER`](crate::frame::busrt::BROKER).
///
/// Its payload is a MessagePack map. Keys that are not known are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusEvent {
    /// A primary client came; under [`INFO`](Self::INFO).
    Registered {
        /// Its name.
        name: String,
        /// When, in nanoseconds since the epoch.
        at_ns: u64,
    },
    /// A primary client went; under [`INFO`](Self::INFO).
    Unregistered {
        /// Its name.
        name: String,
        /// When, in nanoseconds since the epoch.
        at_ns: u64,
    },
    /// The broker ends; under [`WARN`](Self::WARN).
    Shutdown {
        /// When, in nanoseconds since the epoch.
        at_ns: u64,
    },
}

impl BusEvent {
    /// Topic of what clients may want to know.
    pub const INFO: &str = ".broker/info";
    /// Topic of what every client is told: each is subscribed to it from the start.
    pub const WARN: &str = ".broker/warn";

    /// The topic that it is published under.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Registered { .. } | Self::Unregistered { .. } => Self::INFO,
            Self::Shutdown { .. } => Self::WARN,
        }
    }

    /// The payload of its publication.
    pub fn encode(&self) -> Bytes {
        let (subject, name, at_ns) = match self {
            Self::Registered { name, at_ns } => (REGISTERED, Some(name), at_ns),
            Self::Unregistered { name, at_ns } => (UNREGISTERED, Some(name), at_ns),
            Self::Shutdown { at_ns } => (SHUTDOWN, None, at_ns),
        };
        let map = Map {
            subject,
            name: name.map(String::as_str),
            at_ns: *at_ns,
        };
        map.encoded().into()
    }

    /// Reads the payload of a publication; nothing, if it is none of these events.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let map: Map<'_> = rmp_serde::from_slice(payload).ok()?;
        let at_ns = map.at_ns;
        match (map.subject, map.name.map(str::to_owned)) {
            (REGISTERED, Some(name)) => Some(Self::Registered { name, at_ns }),
            (UNREGISTERED, Some(name)) => Some(Self::Unregistered { name, at_ns }),
            (SHUTDOWN, _) => Some(Self::Shutdown { at_ns }),
            _ => None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Map<'a> {
    #[serde(rename = "s")]
    subject: &'a str,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "t")]
    at_ns: u64,
}

impl Map<'_> {
    fn encoded(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).expect("texts and numbers always encode")
    }
}

const REGISTERED: &str = "reg";
const UNREGISTERED: &str = "unreg";
const SHUTDOWN: &str = "shutdown";
