//! Kind 2: a request opens a stream.

use std::time::Duration;

use bytes::Bytes;

use crate::error::MessageError;
use crate::frame::Compression;
use crate::message::{Metadata, Text, decode_metadata, decode_text, encode_metadata, encode_text};

/// A question to the peer.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for.
    pub method: Text,
    /// Time that the caller still gives, if it is limited.
    ///
    /// Remaining time, because the clocks of two processes need not agree. At least a microsecond.
    pub timeout: Option<Duration>,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// The arguments, in any encoding.
    pub body: Bytes,
    /// Whether the body, and all that follows it in its direction, are sealed envelopes
    /// (docs/protocol.md, section 21).
    pub sealed: bool,
    /// By what the body is compressed, if it is (docs/protocol.md, section 22).
    pub compression: Option<Compression>,
}

impl Request {
    /// Makes a request without time limit and metadata.
    pub fn new(method: impl Into<Text>, body: Bytes) -> Self {
        Self {
            method: method.into(),
            timeout: None,
            metadata: None,
            body,
            sealed: false,
            compression: None,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        // 0 stands for "no limit", so a limit below a microsecond becomes one.
        self.timeout.map_or(0, |left| {
            u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1)
        })
    }

    pub(crate) fn encode_prefix(&self, out: &mut Vec<u8>) {
        encode_text(&self.method, out);
        encode_metadata(self.metadata.as_deref(), out);
    }

    pub(crate) fn decode(
        number: u64,
        mut payload: Bytes,
        metadata: bool,
    ) -> Result<Self, MessageError> {
        let method = decode_text(&mut payload, "method")?;
        let metadata = decode_metadata(&mut payload, metadata)?;
        let timeout = (number > 0).then(|| Duration::from_micros(number));
        Ok(Self {
            method,
            timeout,
            metadata,
            body: payload,
            sealed: false,
            compression: None,
        })
    }
}
