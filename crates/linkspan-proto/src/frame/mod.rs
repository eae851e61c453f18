//! Frame formats, one file each.
//!
//! A frame is what the wire carries; what it says is a [`Message`](crate::message::Message).

mod native;
mod segments;

pub(crate) use native::to_u64;
pub use native::{Checksum, Flags, Frame, HEADER_BYTES, Header, Kind, MAGIC, TRAILER_BYTES};
pub use segments::Segments;
