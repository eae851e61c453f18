//! What client and daemon say to each other (docs/protocol.md, section 18).
//!
//! | file | messages |
//! |---|---|
//! | `opening` | [`VersionCheck`] |
//! | `command`, `terminal` | [`Command`] |
//! | `stream` | [`Chunk`], [`Credit`] |
//! | `steering` | [`Cancel`], [`Resize`], [`Signal`] |
//! | `outcome` | [`Accepted`], [`CommandError`], [`Exit`], [`Busy`] |
//! | `control` | [`ControlRequest`], [`ControlReply`] |
//!
//! [`FromClient`] and [`FromDaemon`] are all of one direction. Bodies are MessagePack maps with
//! named fields: what is missing has a default, what is not known is skipped, so fields can be
//! added. Nothing here reads a socket or a clock.

mod body;
mod command;
mod control;
mod error;
mod item;
mod message;
mod opening;
mod outcome;
mod steering;
mod stream;
mod terminal;
mod unpack;

pub use proto::frame::delimited::{
    CHUNK_HEADER_BYTES, Decoder, Encoder, Frame, HEADER_BYTES, Kind, Limits, MAX_CONTROL_BYTES,
};

pub use command::{Command, MAX_ARGUMENTS, MAX_VARIABLES, RequestId};
pub use control::{
    ControlReply, ControlRequest, DaemonIdentity, DaemonState, DaemonStatus, LogTail, Verb,
};
pub use error::DecodeError;
pub use message::{FromClient, FromDaemon};
pub use opening::{Agreement, Protocol, Role, VersionCheck};
pub use outcome::{Accepted, Busy, CommandError, Exit, Outcome, Refusal};
pub use steering::{Cancel, CancelReason, Resize, Signal};
pub use stream::{Chunk, Credit, Stream};
pub use terminal::{Colours, Size, Terminal};

#[cfg(test)]
mod tests;
