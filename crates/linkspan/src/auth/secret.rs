//! Secrets in memory.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A secret that is text. It is erased from memory when it is dropped, and `Debug` does not show it.
pub struct SecretText(Zeroizing<String>);

/// A secret of any bytes, likewise.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretText {
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl SecretBytes {
    /// Takes a secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl Deref for SecretText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}
