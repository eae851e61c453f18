//! Transports, and where a test finds a fresh address for each.

use std::sync::atomic::{AtomicU64, Ordering};

use linkspan::Address;
use tempfile::TempDir;

/// A transport under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `mem:`.
    Memory,
    /// `unix:`, on Unix.
    Unix,
    /// `pipe:`, on Windows.
    Pipe,
    /// `tcp:` on loopback.
    Tcp,
}

impl Place {
    /// The local socket of this system.
    pub const LOCAL: Self = if cfg!(windows) {
        Self::Pipe
    } else {
        Self::Unix
    };

    /// A fresh address, with the directory that it may need.
    pub fn address(self, directory: &TempDir) -> Address {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = match self {
            Self::Memory => format!("mem:test-{number}"),
            Self::Unix => format!(
                "unix:{}",
                directory.path().join(format!("s{number}")).display()
            ),
            // All processes of the machine share the names of pipes.
            Self::Pipe => format!("pipe:linkspan-test-{}-{number}", std::process::id()),
            Self::Tcp => "tcp:127.0.0.1:0".to_owned(),
        };
        text.parse().expect("an address")
    }
}
