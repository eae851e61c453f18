//! What of the host's files a program may use.

use std::path::PathBuf;

/// A file or directory of the host, with all that is in it, that a confined program may use.
///
/// Besides, the owner and the mode of each file hold for the program as for anybody; see
/// [`Identity`](crate::sandbox::Identity) for who it is. Sockets in a granted directory are out of
/// its reach nevertheless.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Where it is for this process; an absolute path.
    pub path: PathBuf,
    /// Where it is for the program; an absolute path. It can be another than `path` only at
    /// [`Level::Strict`](crate::sandbox::Level::Strict). Default: `path`.
    pub seen_at: PathBuf,
    /// What may be done with it.
    pub access: Access,
}

impl Grant {
    /// `path`, seen where it is.
    pub fn new(path: impl Into<PathBuf>, access: Access) -> Self {
        let path = path.into();
        Self {
            seen_at: path.clone(),
            path,
            access,
        }
    }

    /// `path`, seen elsewhere.
    pub fn seen_at(path: impl Into<PathBuf>, access: Access, seen_at: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            seen_at: seen_at.into(),
            access,
        }
    }
}

/// What may be done with something that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Reading, listing and executing.
    Read,
    /// The same, and changing, making and removing.
    Write,
}
