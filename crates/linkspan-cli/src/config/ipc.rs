//! The section `ipc`.

use std::fmt;
use std::str::FromStr;

use linkspan::exchange::{IpcConfig, Variant};
use linkspan::transport::Backend;
use linkspan::{Address, AddressError};
use schemars::JsonSchema;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::{Millis, Size, choose, whole};

/// Exchange, and the backend of all local sockets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Ipc {
    /// By what means local sockets are read and written, those of the section `transport`, too.
    pub(crate) transport: BackendChoice,
    /// Where the node answers exchanges: a path, or any address. Without it, it does not.
    pub(crate) endpoint_path: Option<String>,
    /// Longest message of an exchange.
    pub(crate) max_frame_bytes: Size,
    /// Time for a new connection's first request to begin; also how long one that waits for a request
    /// keeps a place that another needs.
    pub(crate) accept_timeout_ms: Millis,
    /// Longest time without progress inside a frame; the whole frame has four times as long.
    pub(crate) read_timeout_ms: Millis,
    /// Longest time that a peer takes nothing of a frame; the whole frame has four times as long.
    pub(crate) write_timeout_ms: Millis,
    /// Connections at once; further ones are told to come again later.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Which CRC-32 stands in the frames.
    pub(crate) crc32_variant: Crc32Choice,
}

impl Default for Ipc {
    fn default() -> Self {
        Self {
            transport: BackendChoice::Tokio,
            endpoint_path: None,
            max_frame_bytes: Size(1 << 20),
            accept_timeout_ms: Millis::new(5_000),
            read_timeout_ms: Millis::new(30_000),
            write_timeout_ms: Millis::new(10_000),
            max_connections: 16,
            crc32_variant: Crc32Choice::Ieee,
        }
    }
}

impl Ipc {
    /// What the library is told.
    pub(crate) fn exchange(&self) -> IpcConfig {
        let mut config = IpcConfig::default();
        config.transport = self.transport.into();
        config.max_frame_bytes = u32::try_from(self.max_frame_bytes.0).unwrap_or(u32::MAX);
        config.accept_timeout = self.accept_timeout_ms.0;
        config.read_timeout = self.read_timeout_ms.0;
        config.write_timeout = self.write_timeout_ms.0;
        config.max_connections = self.max_connections;
        config.crc32_variant = self.crc32_variant.into();
        config
    }

    /// Where the node answers exchanges, if it does.
    pub(crate) fn address(&self) -> Result<Option<Address>, AddressError> {
        let place = self.endpoint_path.as_deref();
        place.map(str::parse).transpose()
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let backend = Backend::from(self.transport);
        backend
            .check()
            .map_err(|error| ("transport", error.to_string()))?;
        self.address()
            .map_err(|error| ("endpoint_path", error.to_string()))?;
        let Size(bytes) = self.max_frame_bytes;
        if bytes == 0 || u32::try_from(bytes).is_err() {
            let problem = format!("{bytes} bytes are not between 1 and {} bytes", u32::MAX);
            return Err(("max_frame_bytes", problem));
        }
        let times = [
            ("accept_timeout_ms", self.accept_timeout_ms),
            ("read_timeout_ms", self.read_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
        ];
        let no_time = times.into_iter().find(|(_, time)| time.0.is_zero());
        if let Some((key, _)) = no_time {
            return Err((key, "no time at all is not a limit".to_owned()));
        }
        match self.max_connections {
            0 => Err(("max_connections", "0 connections are not served".to_owned())),
            _ => Ok(()),
        }
    }
}

/// By what means local sockets are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BackendChoice {
    Tokio,
    Interprocess,
    Legacy,
}

impl BackendChoice {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Tokio, Self::Interprocess, Self::Legacy];
    /// The name of tokio's in configurations of old.
    pub(crate) const OLDER_NAME: &str = "ipc-interprocess";

    /// Whether a text is the older name, in any spelling.
    pub(crate) fn is_older_name(text: &str) -> bool {
        let is_named = |names| choose::<_, ()>(StrDeserializer::<Error>::new(text), names).is_ok();
        is_named(&[(Self::OLDER_NAME, ())])
    }
}

impl From<BackendChoice> for Backend {
    fn from(choice: BackendChoice) -> Self {
        match choice {
            BackendChoice::Tokio => Self::Tokio,
            BackendChoice::Interprocess => Self::Interprocess,
            BackendChoice::Legacy => Self::Legacy,
        }
    }
}

impl<'de> Deserialize<'de> for BackendChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("tokio", Self::Tokio),
                ("interprocess", Self::Interprocess),
                ("legacy", Self::Legacy),
                (Self::OLDER_NAME, Self::Tokio),
            ],
        )
    }
}

impl FromStr for BackendChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::deserialize(StrDeserializer::new(text))
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Backend::from(*self).fmt(f)
    }
}

/// A variant of CRC-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Crc32Choice {
    /// That of Ethernet and zip.
    Ieee,
    /// That of iSCSI and ext4.
    Castagnoli,
}

impl From<Crc32Choice> for Variant {
    fn from(choice: Crc32Choice) -> Self {
        match choice {
            Crc32Choice::Ieee => Self::Ieee,
            Crc32Choice::Castagnoli => Self::Castagnoli,
        }
    }
}

impl<'de> Deserialize<'de> for Crc32Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[("ieee", Self::Ieee), ("castagnoli", Self::Castagnoli)],
        )
    }
}

impl FromStr for Crc32Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::deserialize(StrDeserializer::new(text))
    }
}
