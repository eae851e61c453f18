//! Hearing of changes to files.

use std::io;
use std::path::Path;
use std::time::Duration;

#[cfg(not(target_os = "linux"))]
use crate::changes_portable as sys;
#[cfg(target_os = "linux")]
use crate::linux::changes as sys;

/// Tells when a file in a directory is written to, made or moved.
///
/// # Platform notes
///
/// Only Linux tells. Elsewhere time passes, 100 ms each, as if there were changes.
#[derive(Debug)]
pub struct Changes(sys::Changes);

impl Changes {
    /// Begins to listen; what happens from here on is told by [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// The system's error, as when there is no such directory, or when this user listens to as many
    /// as the system allows.
    pub fn of(directory: &Path) -> io::Result<Self> {
        sys::Changes::of(directory).map(Self)
    }

    /// Keeps the calling thread until there was a change since the last time; not longer than
    /// `limit`, as file systems of other machines do not tell.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn wait(&mut self, limit: Duration) -> io::Result<()> {
        self.0.wait(limit)
    }
}
