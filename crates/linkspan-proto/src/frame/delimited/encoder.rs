//! Bodies to frames.

use bytes::Bytes;

use crate::error::DelimitedEncodeError;
use crate::frame::delimited::{
    CHUNK_HEADER_BYTES, CHUNK_PREFIX_BYTES, HEADER_BYTES, KIND_BYTES, Kind, Limits,
};
use crate::frame::{Segments, to_u64};

/// Puts bodies into frames.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    limits: Limits,
}

impl Encoder {
    /// Makes an encoder that refuses bodies beyond what the receiver said that it takes.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Encodes one frame at the end of `out`.
    ///
    /// Bodies from 4 KiB on are taken by reference, smaller ones are copied.
    ///
    /// # Errors
    ///
    /// Nothing is written if
    ///
    /// - [`TooLarge`](DelimitedEncodeError::TooLarge): the body exceeds the limit of its kind;
    /// - [`Kind`](DelimitedEncodeError::Kind): it is [`Kind::Unknown`] with a number below 128.
    pub fn encode(
        &self,
        kind: Kind,
        body: &Bytes,
        out: &mut Segments,
    ) -> Result<(), DelimitedEncodeError> {
        let limit = self.limits.body_bytes(kind);
        out.inline()
            .extend_from_slice(&header(kind, body.len(), limit, 0)?);
        out.push_body(body);
        Ok(())
    }

    /// Encodes `data` of a command's stream.
    ///
    /// # Errors
    ///
    /// As for [`encode`](Self::encode); the limit is that of the data.
    pub fn encode_chunk(
        &self,
        kind: Kind,
        command: u32,
        data: &Bytes,
        out: &mut Segments,
    ) -> Result<(), DelimitedEncodeError> {
        let header = self.chunk_header(kind, command, data.len())?;
        out.inline().extend_from_slice(&header);
        out.push_body(data);
        Ok(())
    }

    /// What stands before so many `bytes` of data of a command's stream, for those who write the
    /// data from where it is.
    ///
    /// # Errors
    ///
    /// As for [`encode`](Self::encode); the limit is that of the data.
    pub fn chunk_header(
        &self,
        kind: Kind,
        command: u32,
        bytes: usize,
    ) -> Result<[u8; CHUNK_HEADER_BYTES], DelimitedEncodeError> {
        let limit = self.limits.max_chunk_bytes;
        let [a, b, c, d, number] = header(kind, bytes, limit, CHUNK_PREFIX_BYTES)?;
        let [e, f, g, h] = command.to_be_bytes();
        Ok([a, b, c, d, number, e, f, g, h])
    }
}

fn header(
    kind: Kind,
    bytes: usize,
    limit: u32,
    prefix_bytes: u32,
) -> Result<[u8; HEADER_BYTES], DelimitedEncodeError> {
    let number = kind.number();
    if Kind::from_number(number) != Some(kind) {
        return Err(DelimitedEncodeError::Kind { number });
    }
    let fitting = u32::try_from(bytes).ok().filter(|bytes| *bytes <= limit);
    let length = fitting
        .and_then(|bytes| bytes.checked_add(prefix_bytes)?.checked_add(KIND_BYTES))
        .ok_or_else(|| DelimitedEncodeError::TooLarge {
            kind,
            bytes: to_u64(bytes),
            limit,
        })?;
    let [a, b, c, d] = length.to_be_bytes();
    Ok([a, b, c, d, number])
}
