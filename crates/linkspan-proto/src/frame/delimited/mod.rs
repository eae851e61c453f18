//! The daemon frame: length, kind, and a body (docs/protocol.md, section 18).
//!
//! What the bodies say is the daemon's matter; here they are bytes. A connection begins with a
//! version check from either side, within small limits; [`Decoder::open`] lets the rest in.
//!
//! ```
//! use bytes::{Buf, Bytes, BytesMut};
//! use linkspan_proto::frame::Segments;
//! use linkspan_proto::frame::delimited::{Decoder, Encoder, Kind, Limits};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let encoder = Encoder::new(Limits::default());
//! let mut wire = Segments::new();
//! encoder.encode(Kind::VersionCheck, &Bytes::from_static(b"\x80"), &mut wire)?;
//! encoder.encode_chunk(Kind::Stdout, 7, &Bytes::from_static(b"hello\n"), &mut wire)?;
//!
//! let mut input = BytesMut::from(&wire.copy_to_bytes(21)[..]);
//! let mut decoder = Decoder::new(Limits::default());
//! let check = decoder.decode(&mut input)?.ok_or("incomplete")?;
//! assert_eq!(check.kind, Kind::VersionCheck);
//! decoder.open();
//! let chunk = decoder.decode(&mut input)?.ok_or("incomplete")?;
//! assert_eq!(chunk.body, &b"\0\0\0\x07hello\n"[..]);
//! # Ok(())
//! # }
//! ```

mod decoder;
mod encoder;
mod kind;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use kind::Kind;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// What the body is.
    pub kind: Kind,
    /// What it says.
    pub body: Bytes,
}

impl Frame {
    /// Makes a frame.
    pub fn new(kind: Kind, body: Bytes) -> Self {
        Self { kind, body }
    }
}

/// How long the bodies are that a side takes; all other kinds have [`MAX_CONTROL_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// Longest body of a command, in bytes. Default: 8,388,608. At least 65,536.
    ///
    /// A peer can make us buffer one such body.
    pub max_command_bytes: u32,
    /// Most data of one chunk, in bytes. Default: 1,048,576. At least 65,536.
    pub max_chunk_bytes: u32,
}

impl Limits {
    /// What every side takes at least, in bytes.
    pub const LEAST_BYTES: u32 = 65_536;

    /// Whether none is below [`LEAST_BYTES`](Self::LEAST_BYTES).
    pub fn is_sufficient(self) -> bool {
        self.max_command_bytes.min(self.max_chunk_bytes) >= Self::LEAST_BYTES
    }

    fn body_bytes(self, kind: Kind) -> u32 {
        match kind {
            Kind::Command => self.max_command_bytes,
            Kind::Stdin | Kind::Stdout | Kind::Stderr => {
                self.max_chunk_bytes.saturating_add(CHUNK_PREFIX_BYTES)
            }
            _ => MAX_CONTROL_BYTES,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_command_bytes: 8 * 1024 * 1024,
            max_chunk_bytes: 1024 * 1024,
        }
    }
}

/// Bytes before the body: length and kind.
pub const HEADER_BYTES: usize = 5;
/// Bytes before the data of a chunk: those, and the number of its command.
pub const CHUNK_HEADER_BYTES: usize = HEADER_BYTES + 4;
/// Longest body of a kind that has no limit of its own, in bytes, in every version.
pub const MAX_CONTROL_BYTES: u32 = 65_536;

/// The length counts the kind.
const KIND_BYTES: u32 = 1;
/// A chunk begins with the number of its command.
const CHUNK_PREFIX_BYTES: u32 = 4;
