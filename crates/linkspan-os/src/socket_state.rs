//! What can stand where a Unix socket is expected.

/// What stands at a socket's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketState {
    /// Nothing.
    Missing,
    /// Somebody listens.
    Live {
        /// The process that does, where the system tells.
        pid: Option<u32>,
    },
    /// A socket that nobody listens on.
    Stale,
    /// Something that is not a socket.
    NotASocket,
    /// It cannot be said without more rights.
    Unknown,
}
