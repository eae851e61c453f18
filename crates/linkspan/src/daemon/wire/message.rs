//! All that either side says, by frame.

use proto::error::DelimitedEncodeError;
use proto::frame::Segments;
use proto::frame::delimited::{Encoder, Frame, Kind};

use crate::daemon::wire::body::{read, write};
use crate::daemon::wire::{
    Accepted, Busy, Cancel, Chunk, Command, CommandError, ControlReply, ControlRequest, Credit,
    DecodeError, Exit, Resize, Signal, Stream, VersionCheck,
};

/// What clients say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FromClient {
    /// The first frame.
    VersionCheck(Box<VersionCheck>),
    /// Runs a command.
    Command(Box<Command>),
    /// A part of its input.
    Stdin(Chunk),
    /// Ends it.
    Cancel(Cancel),
    /// Its terminal has another size.
    Resize(Resize),
    /// A signal for it.
    Signal(Signal),
    /// The daemon may send more.
    Credit(Credit),
    /// Asks about the daemon itself.
    Control(ControlRequest),
}

impl FromClient {
    /// Reads what a frame says; nothing if it is to be ignored.
    ///
    /// # Errors
    ///
    /// Both end the connection:
    ///
    /// - [`Malformed`](DecodeError::Malformed): the body is not what the kind promises;
    /// - [`Direction`](DecodeError::Direction): clients do not send this kind.
    pub fn decode(frame: Frame) -> Result<Option<Self>, DecodeError> {
        let message = match frame.kind {
            Kind::VersionCheck => Self::VersionCheck(version_check(&frame)?),
            Kind::Command => Self::Command(read(&frame)?),
            Kind::Stdin => Self::Stdin(Chunk::read(frame)?),
            Kind::Cancel => Self::Cancel(read(&frame)?),
            Kind::Resize => Self::Resize(read(&frame)?),
            Kind::Signal => Self::Signal(read(&frame)?),
            Kind::Credit => Self::Credit(credit(&frame, &[Stream::Stdout, Stream::Stderr])?),
            Kind::Control => Self::Control(read(&frame)?),
            kind => return elsewhere(kind, "a client"),
        };
        Ok(Some(message))
    }

    /// Encodes the message at the end of `out`.
    ///
    /// # Errors
    ///
    /// [`DelimitedEncodeError::TooLarge`]: the daemon takes no such long body. Nothing is written.
    pub fn encode(
        &self,
        encoder: &Encoder,
        out: &mut Segments,
    ) -> Result<(), DelimitedEncodeError> {
        let (kind, body) = match self {
            Self::VersionCheck(check) => (Kind::VersionCheck, write(check)),
            Self::Command(command) => (Kind::Command, write(command)),
            Self::Stdin(chunk) => {
                return encoder.encode_chunk(Kind::Stdin, chunk.command, &chunk.data, out);
            }
            Self::Cancel(cancel) => (Kind::Cancel, write(cancel)),
            Self::Resize(resize) => (Kind::Resize, write(resize)),
            Self::Signal(signal) => (Kind::Signal, write(signal)),
            Self::Credit(credit) => (Kind::Credit, write(credit)),
            Self::Control(request) => (Kind::Control, write(request)),
        };
        encoder.encode(kind, &body, out)
    }
}

/// What daemons say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FromDaemon {
    /// The first frame.
    VersionCheck(Box<VersionCheck>),
    /// There is no place.
    Busy(Busy),
    /// A command will be run.
    Accepted(Accepted),
    /// A part of its output.
    Stdout(Chunk),
    /// A part of its output for errors.
    Stderr(Chunk),
    /// The client may send more.
    Credit(Credit),
    /// Why a command failed.
    CommandError(CommandError),
    /// How a command ended.
    Exit(Exit),
    /// Answers a question about the daemon itself.
    Control(Box<ControlReply>),
}

impl FromDaemon {
    /// Reads what a frame says; nothing if it is to be ignored.
    ///
    /// # Errors
    ///
    /// Both end the connection:
    ///
    /// - [`Malformed`](DecodeError::Malformed): the body is not what the kind promises;
    /// - [`Direction`](DecodeError::Direction): daemons do not send this kind.
    pub fn decode(frame: Frame) -> Result<Option<Self>, DecodeError> {
        let message = match frame.kind {
            Kind::VersionCheck => Self::VersionCheck(version_check(&frame)?),
            Kind::Busy => Self::Busy(read(&frame)?),
            Kind::Accepted => Self::Accepted(read(&frame)?),
            Kind::Stdout => Self::Stdout(Chunk::read(frame)?),
            Kind::Stderr => Self::Stderr(Chunk::read(frame)?),
            Kind::Credit => Self::Credit(credit(&frame, &[Stream::Stdin])?),
            Kind::CommandError => Self::CommandError(read(&frame)?),
            Kind::Exit => Self::Exit(read(&frame)?),
            Kind::Control => Self::Control(read(&frame)?),
            kind => return elsewhere(kind, "the daemon"),
        };
        Ok(Some(message))
    }

    /// Encodes the message at the end of `out`.
    ///
    /// # Errors
    ///
    /// [`DelimitedEncodeError::TooLarge`]: the client takes no such long body. Nothing is written.
    pub fn encode(
        &self,
        encoder: &Encoder,
        out: &mut Segments,
    ) -> Result<(), DelimitedEncodeError> {
        let (kind, body) = match self {
            Self::VersionCheck(check) => (Kind::VersionCheck, write(check)),
            Self::Busy(busy) => (Kind::Busy, write(busy)),
            Self::Accepted(accepted) => (Kind::Accepted, write(accepted)),
            Self::Stdout(chunk) => {
                return encoder.encode_chunk(Kind::Stdout, chunk.command, &chunk.data, out);
            }
            Self::Stderr(chunk) => {
                return encoder.encode_chunk(Kind::Stderr, chunk.command, &chunk.data, out);
            }
            Self::Credit(credit) => (Kind::Credit, write(credit)),
            Self::CommandError(error) => (Kind::CommandError, write(error)),
            Self::Exit(exit) => (Kind::Exit, write(exit)),
            Self::Control(reply) => (Kind::Control, write(reply)),
        };
        encoder.encode(kind, &body, out)
    }
}

fn version_check(frame: &Frame) -> Result<Box<VersionCheck>, DecodeError> {
    let check: Box<VersionCheck> = read(frame)?;
    if !check.limits.is_sufficient() {
        let problem = "limits: one is below 65536 bytes";
        return Err(DecodeError::malformed(frame.kind, problem.to_owned()));
    }
    Ok(check)
}

/// A credit for a stream that the receiver sends.
fn credit(frame: &Frame, streams: &[Stream]) -> Result<Credit, DecodeError> {
    let credit: Credit = read(frame)?;
    if !streams.contains(&credit.stream) {
        let problem = "stream: its receiver does not send it";
        return Err(DecodeError::malformed(frame.kind, problem.to_owned()));
    }
    Ok(credit)
}

fn elsewhere<T>(kind: Kind, sender: &'static str) -> Result<Option<T>, DecodeError> {
    match kind {
        Kind::Unknown(_) => Ok(None),
        kind => Err(DecodeError::Direction { kind, sender }),
    }
}
