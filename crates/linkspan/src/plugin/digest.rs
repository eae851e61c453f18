//! SHA-256 of files.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The SHA-256 of a file, written as 64 hexadecimal digits.
///
/// Two are compared in the same time wherever they differ.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        pairs.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

impl Eq for Digest {}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        let digits: Vec<_> = text.chars().map(|digit| digit.to_digit(16)).collect();
        if digits.len() != 2 * bytes.len() {
            return Err(DigestError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let value = pair
                .iter()
                .try_fold(0, |value, digit| Some(16 * value + (*digit)?));
            *byte = value
                .and_then(|value| u8::try_from(value).ok())
                .ok_or(DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text is no SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it is no SHA-256, which has 64 hexadecimal digits")]
#[non_exhaustive]
pub struct DigestError;

/// Copies a file to `into`, at most `max_bytes` and one more; the SHA-256 of what was copied, and how
/// many bytes it was.
pub(super) fn copy(file: &File, into: &mut dyn Write, max_bytes: u64) -> io::Result<(Digest, u64)> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut copied = 0;
    while copied <= max_bytes {
        let read = os::read_at(file, &mut buffer, copied)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        sum.update(bytes);
        into.write_all(bytes)?;
        copied = copied.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok((Digest(sum.finalize().into()), copied))
}

const BUFFER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_and_written_and_compared() {
        let digest = Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Digest>().unwrap(), digest);
        for place in 0..32 {
            let mut other = digest;
            other.0[place] ^= 1;
            assert_ne!(other, digest, "{place}");
        }
        for wrong in ["", "ba78", &text.replace('b', "g"), &format!("{text}00")] {
            wrong.parse::<Digest>().unwrap_err();
        }
    }
}
