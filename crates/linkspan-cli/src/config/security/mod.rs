//! The section `security`.

mod audit;
mod auth;
mod authorization;
mod rate_limiting;

pub(crate) use auth::{KeyPlace, TokenType};

use linkspan::transport::TlsConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::security::audit::Audit;
use crate::config::security::auth::Auth;
use crate::config::security::authorization::Authorization;
use crate::config::security::rate_limiting::RateLimiting;
use crate::config::tls::CipherChoice;
use crate::config::units::{Span, seconds};

/// What protects connections, and who may come.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Security {
    /// How links under TLS are encrypted.
    pub(crate) encryption: Encryption,
    /// How clients prove who they are.
    pub(crate) auth: Auth,
    /// What they may do.
    pub(crate) authorization: Authorization,
    /// How often they may do it, and how much at once.
    pub(crate) rate_limiting: RateLimiting,
    /// Where it is written down who was let in, who was not, and why.
    pub(crate) audit: Audit,
}

impl Security {
    /// Whether anything is said of what others than the owner may do, or how often.
    pub(crate) fn is_about_clients(&self) -> bool {
        self.authorization.is_set() || self.rate_limiting.is_set()
    }
}

/// How links under TLS are encrypted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Encryption {
    /// The only cipher that is spoken; without this key, `Aes256Gcm` before `ChaCha20Poly1305`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algorithm: Option<CipherChoice>,
    /// Time for which keys are used.
    #[serde(deserialize_with = "seconds")]
    pub(crate) key_rotation_interval_s: Span,
    /// Whether `performance.enable_compression` holds under TLS, too, where lengths tell those who
    /// listen in something of what is sent.
    pub(crate) compression_enabled: bool,
}

impl Default for Encryption {
    fn default() -> Self {
        Self {
            algorithm: None,
            key_rotation_interval_s: Span::seconds(2 * 60 * 60),
            compression_enabled: false,
        }
    }
}

impl Encryption {
    /// Tells the library what is said here.
    pub(crate) fn apply(&self, config: &mut TlsConfig) {
        if let Some(algorithm) = self.algorithm {
            config.ciphers = vec![algorithm.into()];
        }
        config.refresh_interval = self.key_rotation_interval_s.0;
    }
}
