//! Peers that are known by what they present.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A certificate or a key that a peer has to present.
///
/// As text it is `sha256:` or `key-sha256:` and 64 hexadecimal digits, which may have colons between
/// them as other tools print them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pin {
    /// The SHA-256 of the whole certificate: it ends with the certificate.
    Certificate([u8; 32]),
    /// The SHA-256 of the public key, with its algorithm (the SubjectPublicKeyInfo): it outlives
    /// renewals that keep the key.
    PublicKey([u8; 32]),
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let error = || PinError { text: text.into() };
        let (sort, digits) = text.split_once(':').ok_or_else(error)?;
        let digest = digest(digits).ok_or_else(error)?;
        match sort {
            "sha256" => Ok(Self::Certificate(digest)),
            "key-sha256" => Ok(Self::PublicKey(digest)),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sort, digest) = match self {
            Self::Certificate(digest) => ("sha256", digest),
            Self::PublicKey(digest) => ("key-sha256", digest),
        };
        write!(f, "{sort}:")?;
        digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text is not a pin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a pin; expected sha256: or key-sha256: and 64 hexadecimal digits")]
#[non_exhaustive]
pub struct PinError {
    /// The text.
    pub text: String,
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let (pairs, _) = digits.as_chunks::<2>();
    let mut digest = [0; 32];
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = high << 4 | low;
    }
    Some(digest)
}
