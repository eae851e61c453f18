//! Which daemon is meant: an id for people, a name for files.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Names a daemon among all daemons of this user: `spell`, or `make:/home/ada/project`.
///
/// Two programs that use the same id use the same daemon. What the daemon's behaviour depends on and
/// commands do not bring along, as a directory or a toolchain, belongs into the id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DaemonId(String);

impl DaemonId {
    /// Longest id, in bytes.
    pub const MAX_BYTES: usize = 1024;
    /// Length of the name of the daemon's directory.
    pub(crate) const NAME_DIGITS: usize = 2 * NAME_BYTES;

    /// Makes an id of text.
    ///
    /// # Errors
    ///
    /// [`DaemonIdError`]: it is empty, longer than [`MAX_BYTES`](Self::MAX_BYTES), or holds a control
    /// character, which would not survive logs and tables.
    pub fn new(text: impl Into<String>) -> Result<Self, DaemonIdError> {
        let text = text.into();
        let bytes = text.len();
        if bytes == 0 {
            return Err(DaemonIdError::Empty);
        }
        if bytes > Self::MAX_BYTES {
            let limit = Self::MAX_BYTES;
            return Err(DaemonIdError::TooLong { bytes, limit });
        }
        match text.chars().find(|character| character.is_control()) {
            Some(character) => Err(DaemonIdError::Control { character }),
            None => Ok(Self(text)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the daemon's directory: 32 hexadecimal digits.
    ///
    /// They are the first 128 bits of SHA-256. The name must be the same for all builds for ever,
    /// so no hash that may change with its crate is used; and ids may be made of paths that somebody
    /// else chose, so it must be hard to find two of one name.
    pub fn name(&self) -> String {
        let mut hash = Sha256::new_with_prefix(DOMAIN);
        hash.update(&self.0);
        let bytes: [u8; 32] = hash.finalize().into();
        let (name, _) = bytes.split_at(NAME_BYTES);
        name.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for DaemonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no id of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DaemonIdError {
    /// It is empty.
    #[error("the daemon id is empty")]
    Empty,
    /// It is too long.
    #[error("daemon id of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It has a character that is not shown.
    #[error("daemon id holds the control character {character:?}")]
    Control {
        /// The first of them.
        character: char,
    },
}

/// Keeps names apart from other uses of the same hash.
const DOMAIN: &[u8] = b"linkspan.daemon\0";
const NAME_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_what_they_are() {
        let name = DaemonId::new("spell").unwrap().name();
        assert_eq!(name, "9a397a4ce27b2bd0a4e0acc212c07fef");
        assert_ne!(name, DaemonId::new("spell ").unwrap().name());
    }

    #[test]
    fn ids_are_text_that_can_be_shown() {
        assert_eq!(DaemonId::new(""), Err(DaemonIdError::Empty));
        let control = DaemonId::new("a\nb").unwrap_err();
        assert_eq!(
            control.to_string(),
            r"daemon id holds the control character '\n'"
        );
        let long = DaemonId::new("x".repeat(1025)).unwrap_err();
        assert_eq!(
            long.to_string(),
            "daemon id of 1025 bytes exceeds the limit of 1024 bytes"
        );
        assert!(DaemonId::new("make:/home/ada/ä b").is_ok());
    }
}
