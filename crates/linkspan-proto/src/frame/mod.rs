//! Frame formats, one file each.
//!
//! A native frame is what a session's wire carries; what it says is a
//! [`Message`](crate::message::Message). [`crc32`] is the format of exchanges, whose messages are
//! the application's own; [`delimited`] that of daemons; [`busrt`] is spoken by clients of BUS/RT.

pub mod busrt;
mod compression;
pub mod crc32;
pub mod delimited;
mod native;
mod segments;

pub(crate) use compression::ANNOUNCED_BYTES;
pub use compression::Compression;
pub(crate) use native::to_u64;
pub use native::{Checksum, Flags, Frame, HEADER_BYTES, Header, Kind, MAGIC, TRAILER_BYTES};
pub use segments::Segments;
