//! The section `performance`.

use linkspan::compression::{CompressionConfig, Reach};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::units::{Millis, whole};

/// How much is done at once, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Performance {
    /// Whether a connection carries many requests at once; if not, one after the other.
    pub(crate) enable_multiplexing: bool,
    /// Requests of one connection that are handled at once; further ones wait at their caller.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_concurrent_requests: u32,
    /// Whether bodies are compressed over TCP and WebSocket, to this machine, too: with others that do
    /// it, by Zstandard or else LZ4, from 1 KiB on. Never on local sockets.
    pub(crate) enable_compression: bool,
    /// Level of Zstandard, 1 to 22.
    #[serde(deserialize_with = "whole")]
    pub(crate) compression_level: u32,
    /// Longest time until a handler gives its answer, or begins its stream; without limit if it
    /// is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_timeout_ms: Option<Millis>,
}

impl Default for Performance {
    fn default() -> Self {
        Self {
            enable_multiplexing: true,
            max_concurrent_requests: 1024,
            enable_compression: false,
            compression_level: 3,
            request_timeout_ms: None,
        }
    }
}

impl Performance {
    /// What the library is told of compression, which TLS has only if it is `on_encrypted`.
    pub(crate) fn compression(&self, on_encrypted: bool) -> CompressionConfig {
        let mut config = CompressionConfig::default();
        if !self.enable_compression {
            config.algorithms.clear();
        }
        config.level = u8::try_from(self.compression_level).unwrap_or(u8::MAX);
        config.reach = Reach::Network;
        config.on_encrypted = on_encrypted;
        config
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if (1..=22).contains(&self.compression_level) {
            return Ok(());
        }
        let level = self.compression_level;
        let problem = format!("{level} is no level of Zstandard, which has 1 to 22");
        Err(("compression_level", problem))
    }
}
