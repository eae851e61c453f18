//! Input and output of commands, and how much of it may be sent.

use bytes::{Buf, Bytes};
use proto::frame::delimited::{Frame, Kind};
use serde::{Deserialize, Serialize};

use crate::daemon::wire::DecodeError;

/// A part of a stream of a command. The only messages that are not MessagePack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// The command.
    pub command: u32,
    /// The bytes; none are the end of the stream.
    pub data: Bytes,
}

impl Chunk {
    /// Makes a chunk.
    pub fn new(command: u32, data: Bytes) -> Self {
        Self { command, data }
    }

    /// Whether the stream ends with it.
    pub fn is_end(&self) -> bool {
        self.data.is_empty()
    }

    pub(super) fn read(frame: Frame) -> Result<Self, DecodeError> {
        let Frame { kind, mut body, .. } = frame;
        let command = body.try_get_u32().map_err(|_| {
            let problem = "it is too short for the number of its command";
            DecodeError::malformed(kind, problem.to_owned())
        })?;
        Ok(Self::new(command, body))
    }
}

/// Lets the other side send more of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Credit {
    /// The command.
    pub command: u32,
    /// Which of its streams.
    pub stream: Stream,
    /// Bytes that may be sent beyond what was granted before.
    pub bytes: u64,
}

impl Credit {
    /// Makes a credit.
    pub fn new(command: u32, stream: Stream, bytes: u64) -> Self {
        Self {
            command,
            stream,
            bytes,
        }
    }
}

/// A stream of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stream {
    /// Its input; the daemon gives credit for it.
    Stdin,
    /// Its output; the client gives credit for it, as for its output for errors.
    Stdout,
    /// Its output for errors.
    Stderr,
}

impl Stream {
    /// The kind of frame that carries its chunks.
    pub fn kind(self) -> Kind {
        match self {
            Self::Stdin => Kind::Stdin,
            Self::Stdout => Kind::Stdout,
            Self::Stderr => Kind::Stderr,
        }
    }
}
