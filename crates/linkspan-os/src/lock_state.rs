//! Whether a lock is held.

/// Whether somebody holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockState {
    /// Nobody does.
    Free,
    /// Somebody does, this process included.
    Held {
        /// The process that says that it is the one; `None` if that cannot be read.
        pid: Option<u32>,
    },
}
