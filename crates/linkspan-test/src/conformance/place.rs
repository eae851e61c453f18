//! Transports, and where a test finds a fresh address for each.

use std::sync::atomic::{AtomicU64, Ordering};

use linkspan::Address;
use linkspan::transport::Backend;
use tempfile::TempDir;

/// A transport under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `mem:`.
    Memory,
    /// `unix:`, on Unix.
    Unix,
    /// The same through the crate `interprocess`.
    UnixInterprocess,
    /// The same through threads that block.
    UnixLegacy,
    /// `pipe:`, on Windows.
    Pipe,
    /// The same through the crate `interprocess`.
    PipeInterprocess,
    /// `tcp:` on loopback.
    Tcp,
    /// `tls:` on loopback, with a certificate on each side.
    Tls,
    /// `unix+tls:`, on Unix.
    UnixTls,
    /// `ws:` on loopback.
    WebSocket,
    /// `wss:` on loopback, with a certificate on each side.
    WebSocketTls,
}

impl Place {
    /// The local socket of this system.
    pub const LOCAL: Self = if cfg!(windows) {
        Self::Pipe
    } else {
        Self::Unix
    };

    /// Whether one end can say that it sends no more, and go on reading.
    pub fn closes_by_halves(self) -> bool {
        !matches!(self, Self::Pipe | Self::PipeInterprocess)
    }

    /// A fresh address, with the directory that it may need.
    pub fn address(self, directory: &TempDir) -> Address {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = match self {
            Self::Memory => format!("mem:test-{number}"),
            Self::Unix | Self::UnixInterprocess | Self::UnixLegacy => format!(
                "unix:{}",
                directory.path().join(format!("s{number}")).display()
            ),
            // All processes of the machine share the names of pipes.
            Self::Pipe | Self::PipeInterprocess => {
                format!("pipe:linkspan-test-{}-{number}", std::process::id())
            }
            Self::Tcp => "tcp:127.0.0.1:0".to_owned(),
            Self::Tls => "tls:127.0.0.1:0".to_owned(),
            Self::UnixTls => {
                let path = directory.path().join(format!("s{number}"));
                format!("unix+tls:{}", path.display())
            }
            Self::WebSocketTls => "wss:127.0.0.1:0/conformance".to_owned(),
            Self::WebSocket => "ws:127.0.0.1:0/conformance".to_owned(),
        };
        text.parse().expect("an address")
    }

    /// What carries its connections.
    pub fn backend(self) -> Backend {
        match self {
            Self::UnixInterprocess | Self::PipeInterprocess => Backend::Interprocess,
            Self::UnixLegacy => Backend::Legacy,
            _ => Backend::Tokio,
        }
    }
}
