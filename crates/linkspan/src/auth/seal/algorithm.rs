//! The ciphers.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead;
use thiserror::Error;

/// How bodies are encrypted. Both are authenticated, and have keys of 32 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// AES-256-GCM: fast on all processors of the last decade.
    #[default]
    Aes256Gcm,
    /// ChaCha20-Poly1305: fast on those that have no instructions for AES.
    ChaCha20Poly1305,
}

impl Algorithm {
    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    /// Its number in envelopes.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// The algorithm with this number.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        ALL.into_iter()
            .find(|algorithm| algorithm.number() == number)
    }

    pub(super) fn aead(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads a name; case, `-` and `_` do not matter, so that `Aes256Gcm` is one, too.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        let named = |algorithm: &Self| plain(algorithm.name()) == plain(text);
        let unknown = || UnknownAlgorithm {
            name: text.to_owned(),
        };
        ALL.into_iter().find(named).ok_or_else(unknown)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is no algorithm; there are aes-256-gcm and chacha20-poly1305")]
#[non_exhaustive]
pub struct UnknownAlgorithm {
    /// What was asked for.
    pub name: String,
}

const ALL: [Algorithm; 2] = [Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305];
