//! Bytes to frames: incremental, and limited before anything is allocated.

use bytes::{Buf, BytesMut};

use crate::error::DelimitedDecodeError;
use crate::frame::delimited::{Frame, HEADER_BYTES, KIND_BYTES, Kind, Limits, MAX_CONTROL_BYTES};

/// Cuts frames out of a stream of bytes.
///
/// The reader fills a buffer of its own and hands it over; bodies are slices of that buffer. Nothing
/// is allocated here: a length over all limits is refused as soon as its four bytes are there, one
/// over that of its kind with the fifth.
#[derive(Debug, Clone)]
pub struct Decoder {
    limits: Limits,
    phase: Phase,
    state: State,
}

/// What may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The version check.
    First,
    /// What every version understands.
    Checking,
    /// Everything else.
    Open,
}

/// Where in the stream the decoder is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Before a header.
    Between,
    /// The frame at the front of the input is of this kind and has that many bytes.
    Begun { kind: Kind, frame_bytes: usize },
    /// The stream cannot be read further.
    Failed(DelimitedDecodeError),
}

impl Decoder {
    /// Makes a decoder for a new connection.
    ///
    /// The first frame has to be a version check. After it only control, busy and unknown kinds are
    /// let through, none longer than [`MAX_CONTROL_BYTES`], until it is [opened](Self::open).
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::First,
            state: State::Between,
        }
    }

    /// Lets frames of commands in, because the versions were agreed on.
    ///
    /// It concerns frames of which no byte was looked at: call it before the next
    /// [`decode`](Self::decode). Without effect before the first frame.
    pub fn open(&mut self) {
        if self.phase == Phase::Checking {
            self.phase = Phase::Open;
        }
    }

    /// Takes the next frame from the front of `input`, if it is complete.
    ///
    /// # Errors
    ///
    /// The stream cannot be read further, so the same error comes again, whatever is added:
    ///
    /// - [`Empty`](DelimitedDecodeError::Empty): a length of 0;
    /// - [`TooLarge`](DelimitedDecodeError::TooLarge): a length over the limit;
    /// - [`Kind`](DelimitedDecodeError::Kind): an unknown kind below 128;
    /// - [`Misplaced`](DelimitedDecodeError::Misplaced): a kind that has no place here.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DelimitedDecodeError> {
        if let State::Between = self.state {
            let begun = self.begin(input);
            self.state = begun.unwrap_or_else(State::Failed);
        }
        match self.state {
            State::Failed(error) => Err(error),
            State::Begun { kind, frame_bytes } => Ok(self.take(kind, frame_bytes, input)),
            State::Between => Ok(None),
        }
    }

    /// Bytes that the frame at the front of `input` still lacks; 0 if none was begun.
    ///
    /// Valid after [`decode`](Self::decode) returned no frame. A reader that makes room for all of
    /// them at once lets a peer's header decide how much memory it takes, within the limit.
    pub fn missing_bytes(&self, input: &BytesMut) -> usize {
        match self.state {
            State::Begun { frame_bytes, .. } => frame_bytes.saturating_sub(input.len()),
            State::Between if !input.is_empty() => HEADER_BYTES.saturating_sub(input.len()),
            State::Between | State::Failed(_) => 0,
        }
    }

    /// Whether the first bytes of a frame were read but not yet the last.
    ///
    /// After an error it is false.
    pub fn has_begun(&self, input: &BytesMut) -> bool {
        match self.state {
            State::Begun { .. } => true,
            State::Between => !input.is_empty(),
            State::Failed(_) => false,
        }
    }

    fn begin(&self, input: &BytesMut) -> Result<State, DelimitedDecodeError> {
        let Some(length) = input.first_chunk() else {
            return Ok(State::Between);
        };
        let length = u32::from_be_bytes(*length);
        let bytes = length
            .checked_sub(KIND_BYTES)
            .ok_or(DelimitedDecodeError::Empty)?;
        check(bytes, self.longest())?;
        let Some(number) = input.get(LENGTH_BYTES) else {
            return Ok(State::Between);
        };
        let kind = self.admit(*number)?;
        check(bytes, self.limits.body_bytes(kind))?;
        let body_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        Ok(State::Begun {
            kind,
            frame_bytes: body_bytes.saturating_add(HEADER_BYTES),
        })
    }

    /// The longest body of any kind that may come.
    fn longest(&self) -> u32 {
        match self.phase {
            Phase::First | Phase::Checking => MAX_CONTROL_BYTES,
            Phase::Open => [Kind::Command, Kind::Stdin, Kind::Control]
                .map(|kind| self.limits.body_bytes(kind))
                .into_iter()
                .fold(0, u32::max),
        }
    }

    fn admit(&self, number: u8) -> Result<Kind, DelimitedDecodeError> {
        let kind = Kind::from_number(number).ok_or(DelimitedDecodeError::Kind { number })?;
        let is_admitted = match (self.phase, kind) {
            (Phase::First, kind) => kind == Kind::VersionCheck,
            (_, Kind::VersionCheck) => false,
            (Phase::Checking, Kind::Control | Kind::Busy | Kind::Unknown(_)) => true,
            (phase, _) => phase == Phase::Open,
        };
        match is_admitted {
            true => Ok(kind),
            false => Err(DelimitedDecodeError::Misplaced { kind }),
        }
    }

    fn take(&mut self, kind: Kind, frame_bytes: usize, input: &mut BytesMut) -> Option<Frame> {
        if input.len() < frame_bytes {
            return None;
        }
        self.state = State::Between;
        if self.phase == Phase::First {
            self.phase = Phase::Checking;
        }
        let mut frame = input.split_to(frame_bytes);
        frame.advance(HEADER_BYTES);
        Some(Frame::new(kind, frame.freeze()))
    }
}

fn check(bytes: u32, limit: u32) -> Result<(), DelimitedDecodeError> {
    if bytes > limit {
        return Err(DelimitedDecodeError::TooLarge { bytes, limit });
    }
    Ok(())
}

const LENGTH_BYTES: usize = 4;
