//! How far a program is confined.

use std::fmt;

/// How far a program is confined. The order is that of strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Not at all: it can do whatever this user can, and is trusted like that. Limits hold as far as
    /// the system has them for one process.
    None,
    /// It cannot gain rights, opens only what was granted and what programs need to run, reaches no
    /// socket that it was not given, and makes only harmless system calls. It sees the same files
    /// under the same paths as everybody: those that it may not open it can still ask for size and
    /// owner, if it knows their path.
    Basic,
    /// The same, in namespaces of its own: it sees neither the files nor the processes of others, and
    /// has a small file system in memory to write to.
    Strict,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Strict => "strict",
        })
    }
}

/// Which hosts a confined program reaches by itself. Means nothing at [`Level::None`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// None, not even this one: it cannot make sockets, but pairs of connected ones.
    #[default]
    Isolated,
    /// Any host, by TCP to one of these ports; it cannot listen. Names have to be resolved for it, as
    /// that takes UDP or a socket of the system's.
    TcpPorts(Vec<u16>),
}
