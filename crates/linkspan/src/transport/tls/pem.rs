//! Where certificates and keys come from.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Certificates or a private key, as PEM text in a file or in memory.
///
/// A file is read again whenever settings are applied, so that its content can be renewed. Its
/// `Debug` shows where it comes from, and nothing of what it says.
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Text(Zeroizing<Vec<u8>>),
}

impl Pem {
    /// What a file holds.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// What is in memory; it is overwritten with zeros when the last copy is dropped.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self(Source::Text(Zeroizing::new(text.into())))
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::File(path) => Some(path),
            Source::Text(_) => None,
        }
    }

    /// The text, if it is in memory.
    #[cfg(feature = "tls")]
    pub(super) fn in_memory(&self) -> Option<&[u8]> {
        match &self.0 {
            Source::File(_) => None,
            Source::Text(text) => Some(text),
        }
    }
}

impl From<&str> for Pem {
    /// A file by its path.
    fn from(path: &str) -> Self {
        Self::file(path)
    }
}

impl From<&Path> for Pem {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

/// Where it comes from.
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File(path) => path.display().fmt(f),
            Source::Text(text) => write!(f, "{} bytes in memory", text.len()),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({self})")
    }
}
