//! Who is at the other end of a local connection.

use std::fmt;

/// What the kernel says about the process at the other end.
///
/// It is who the peer was when it connected or began to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// As whom it runs.
    pub user: User,
    /// Its process id, where the system tells.
    pub pid: Option<u32>,
}

impl PeerCredentials {
    /// Makes credentials from what the kernel said.
    pub fn new(user: User, pid: Option<u32>) -> Self {
        Self { user, pid }
    }

    /// The user id, on Unix.
    pub fn uid(&self) -> u32 {
        let User::Unix { uid, .. } = self.user;
        uid
    }
}

/// A user of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum User {
    /// A Unix user with the primary group of the process.
    Unix {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Unix { uid, .. } = self;
        write!(f, "uid:{uid}")
    }
}
