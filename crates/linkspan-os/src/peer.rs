//! Who is at the other end of a local connection.

use std::fmt;

use crate::Sid;

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
    pub fn uid(&self) -> Option<u32> {
        match self.user {
            User::Unix { uid, .. } => Some(uid),
            User::Windows { .. } => None,
        }
    }

    /// The user's security identifier, on Windows.
    pub fn sid(&self) -> Option<Sid> {
        match self.user {
            User::Windows { sid } => Some(sid),
            User::Unix { .. } => None,
        }
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
    /// A Windows user, or the group that owns what it makes.
    Windows {
        /// Security identifier.
        sid: Sid,
    },
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { uid, .. } => write!(f, "uid:{uid}"),
            Self::Windows { sid } => write!(f, "sid:{sid}"),
        }
    }
}
