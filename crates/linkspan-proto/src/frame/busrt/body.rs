//! Bodies: texts that end with a NUL each, and a payload.

use std::fmt;

use bytes::{Buf, Bytes};

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::to_u64;
use crate::message::Text;

/// A text in a frame, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The name that a client registers.
    Name,
    /// A topic.
    Topic,
    /// A mask of topics or names.
    Mask,
    /// The name of the client that a message is for.
    Target,
    /// The primary name of the clients that a publication is for.
    Receiver,
    /// The name of the client that something comes from.
    Sender,
    /// What stands before the NUL of an operation that does nothing.
    Nothing,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Topic => "topic",
            Self::Mask => "mask",
            Self::Target => "target",
            Self::Receiver => "receiver",
            Self::Sender => "sender",
            Self::Nothing => "field of an empty operation",
        })
    }
}

/// A body that is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) fields: [Option<(Field, &'a str)>; 2],
    pub(super) payload: &'a Bytes,
}

impl<'a> Body<'a> {
    /// Its length, if it may be sent.
    pub(super) fn checked_bytes(&self, limit: u32) -> Result<u32, BusrtEncodeError> {
        let mut bytes = self.payload.len();
        for (field, text) in self.fields() {
            check_nul(field, text)?;
            bytes = bytes.saturating_add(text.len()).saturating_add(NUL.len());
        }
        let fitting = u32::try_from(bytes).ok().filter(|bytes| *bytes <= limit);
        fitting.ok_or_else(|| BusrtEncodeError::TooLarge {
            bytes: to_u64(bytes),
            limit,
        })
    }

    /// Writes all but the payload.
    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        for (_, text) in self.fields() {
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(&NUL);
        }
    }

    fn fields(&self) -> impl Iterator<Item = (Field, &'a str)> {
        self.fields.into_iter().flatten()
    }
}

impl Default for Body<'_> {
    fn default() -> Self {
        static EMPTY: Bytes = Bytes::new();
        Self {
            fields: [None, None],
            payload: &EMPTY,
        }
    }
}

/// Takes a text and its NUL from the front of a body.
pub(super) fn take_field(body: &mut Bytes, field: Field) -> Result<Text, BusrtDecodeError> {
    let end = body.iter().position(|byte| *byte == 0);
    let text = body.split_to(end.ok_or(BusrtDecodeError::Unended { field })?);
    body.advance(NUL.len());
    Text::from_utf8(text).ok_or(BusrtDecodeError::Utf8 { field })
}

pub(super) fn check_nul(field: Field, text: &str) -> Result<(), BusrtEncodeError> {
    match text.find('\0') {
        Some(at) => Err(BusrtEncodeError::Nul { field, at }),
        None => Ok(()),
    }
}

const NUL: [u8; 1] = [0];
