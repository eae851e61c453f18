//! Kind 8: permission to send more.

/// Adds to what the receiver of this message may send, on a stream or on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credit {
    /// Bytes added.
    pub bytes: u64,
}

impl Credit {
    /// Makes the permission.
    pub fn new(bytes: u64) -> Self {
        Self { bytes }
    }
}
