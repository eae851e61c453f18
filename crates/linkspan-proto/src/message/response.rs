//! Kind 3: the answer to a request.

use bytes::Bytes;

use crate::error::MessageError;
use crate::frame::Compression;
use crate::message::{Metadata, decode_metadata, encode_metadata};

/// The method's answer.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// Whether the body is the result or the method's own error.
    pub status: Status,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// The result or the error, in the encoding of the request unless the metadata says otherwise.
    pub body: Bytes,
    /// Whether the body, and all that follows it in its direction, are sealed envelopes
    /// (docs/protocol.md, section 21).
    pub sealed: bool,
    /// By what the body is compressed, if it is (docs/protocol.md, section 22).
    pub compression: Option<Compression>,
}

/// Whether a method succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Status {
    /// It did.
    #[default]
    Ok = 0,
    /// It gave an error of its own kind. After chunks, this is how a stream fails.
    Error = 1,
}

impl Response {
    /// Makes a response without metadata.
    pub fn new(status: Status, body: Bytes) -> Self {
        Self {
            status,
            metadata: None,
            body,
            sealed: false,
            compression: None,
        }
    }

    pub(crate) fn encode_prefix(&self, out: &mut Vec<u8>) {
        encode_metadata(self.metadata.as_deref(), out);
    }

    pub(crate) fn decode(
        number: u64,
        mut payload: Bytes,
        metadata: bool,
    ) -> Result<Self, MessageError> {
        let status = match number {
            0 => Status::Ok,
            1 => Status::Error,
            _ => {
                return Err(MessageError::Number {
                    kind: "response",
                    number,
                });
            }
        };
        let metadata = decode_metadata(&mut payload, metadata)?;
        Ok(Self {
            status,
            metadata,
            body: payload,
            sealed: false,
            compression: None,
        })
    }
}
