//! Credit: how much each direction may send (docs/protocol.md, section 6).

/// What the peer may still send here.
#[derive(Debug)]
pub(crate) struct Window {
    left: u64,
    consumed: u64,
    /// What was read is given back once it is this much.
    grant_bytes: u64,
}

impl Window {
    /// A window of `size` bytes, of which `enough` bytes always let the sender go on.
    pub(crate) fn new(size: u64, enough: u64) -> Self {
        Self {
            left: size,
            consumed: 0,
            // What was read and not given back yet must not be what the sender waits for.
            grant_bytes: (size / GRANT_FRACTION).min(size.saturating_sub(enough)),
        }
    }

    /// Counts what came.
    ///
    /// # Errors
    ///
    /// What was left, if it is less.
    pub(crate) fn receive(&mut self, bytes: u64) -> Result<(), u64> {
        self.left = self.left.checked_sub(bytes).ok_or(self.left)?;
        Ok(())
    }

    /// Counts what was read; says how much to grant once it is worth a frame.
    pub(crate) fn consume(&mut self, bytes: u64) -> Option<u64> {
        self.consumed = self.consumed.saturating_add(bytes);
        if self.consumed < self.grant_bytes.max(1) {
            return None;
        }
        self.left = self.left.saturating_add(self.consumed);
        Some(std::mem::take(&mut self.consumed))
    }
}

/// What may still be sent to the peer.
#[derive(Debug)]
pub(crate) struct Allowance(u64);

impl Allowance {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) fn left(&self) -> u64 {
        self.0
    }

    /// What is left beyond `reserve`.
    pub(crate) fn beyond(&self, reserve: u64) -> u64 {
        self.0.saturating_sub(reserve)
    }

    pub(crate) fn spend(&mut self, bytes: u64) {
        self.0 = self.0.saturating_sub(bytes);
    }

    /// Adds a grant; `None` if the sum cannot be counted.
    pub(crate) fn add(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.checked_add(bytes)?;
        Some(())
    }
}

/// Credit goes back when this part of a window was read: early enough that the sender never waits
/// for a reader that keeps up, late enough that it costs one frame for many.
const GRANT_FRACTION: u64 = 4;
