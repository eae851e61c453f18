//! What goes one way.

use std::sync::atomic::{AtomicU64, Ordering};

/// Frames and their bytes, without headers.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Flow {
    pub(crate) fn add(&self, frames: u64, bytes: usize) {
        self.frames.fetch_add(frames, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
