//! The keys of a ring.

use std::fmt;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::auth::seal::cipher::{Cipher, KEY_BYTES};
use crate::auth::seal::envelope::Salt;
use crate::auth::seal::{Algorithm, RingError};

/// What is known of a key but the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// Its name.
    pub id: String,
    /// What is encrypted with it, and how.
    pub algorithm: Algorithm,
    /// When it was made.
    pub created: SystemTime,
    /// From when on bodies are sealed with it. What is sealed with it is opened at any time.
    pub active_from: SystemTime,
    /// Whether bodies are sealed with it now.
    pub is_current: bool,
}

/// A key, with all that is known of it.
pub(super) struct RingKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    /// Both in seconds since 1970.
    pub(super) created: u64,
    pub(super) active_from: u64,
    pub(super) bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl RingKey {
    /// Draws a key that is used after some time.
    pub(super) fn generate(algorithm: Algorithm, delay: Duration) -> Result<Self, RingError> {
        let id: [u8; ID_BYTES] = os::random_bytes().map_err(RingError::Random)?;
        let now = seconds_now();
        Ok(Self {
            id: hex(&id),
            algorithm,
            created: now,
            active_from: now.saturating_add(delay.as_secs()),
            bytes: Zeroizing::new(os::random_bytes().map_err(RingError::Random)?),
        })
    }

    /// The keys of one sender's start.
    pub(super) fn derive(&self, salt: &Salt) -> Option<Cipher> {
        Cipher::derive(&*self.bytes, self.algorithm, salt)
    }

    /// How old it is, counted from when it was first used.
    pub(super) fn age(&self) -> Duration {
        Duration::from_secs(seconds_now().saturating_sub(self.active_from))
    }

    pub(super) fn info(&self, is_current: bool) -> KeyInfo {
        let time = |seconds| {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
            time.unwrap_or(SystemTime::UNIX_EPOCH)
        };
        KeyInfo {
            id: self.id.clone(),
            algorithm: self.algorithm,
            created: time(self.created),
            active_from: time(self.active_from),
            is_current,
        }
    }
}

impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

pub(super) fn seconds_now() -> u64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed();
    since_1970.map_or(0, |time| time.as_secs())
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(bytes, &mut text);
    text
}

/// Adds hexadecimal digits to a text that has room for them.
pub(super) fn push_hex(bytes: &[u8], text: &mut String) {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
}

const ID_BYTES: usize = 8;
