//! Kind 4: an event is told, not asked.

use bytes::Bytes;

use crate::error::MessageError;
use crate::frame::Compression;
use crate::message::{Metadata, Text, decode_metadata, decode_text, encode_metadata, encode_text};

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// What it is about.
    pub topic: Text,
    /// When it was sent, by the sender's clock: microseconds since 1970 in UTC.
    pub micros_since_1970: u64,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// The details, in any encoding.
    pub body: Bytes,
    /// Whether the body is a sealed envelope (docs/protocol.md, section 21).
    pub sealed: bool,
    /// By what the body is compressed, if it is (docs/protocol.md, section 22).
    pub compression: Option<Compression>,
}

impl Event {
    /// Makes an event without metadata.
    pub fn new(topic: impl Into<Text>, micros_since_1970: u64, body: Bytes) -> Self {
        Self {
            topic: topic.into(),
            micros_since_1970,
            metadata: None,
            body,
            sealed: false,
            compression: None,
        }
    }

    pub(crate) fn encode_prefix(&self, out: &mut Vec<u8>) {
        encode_text(&self.topic, out);
        encode_metadata(self.metadata.as_deref(), out);
    }

    pub(crate) fn decode(
        number: u64,
        mut payload: Bytes,
        metadata: bool,
    ) -> Result<Self, MessageError> {
        let topic = decode_text(&mut payload, "topic")?;
        let metadata = decode_metadata(&mut payload, metadata)?;
        Ok(Self {
            topic,
            micros_since_1970: number,
            metadata,
            body: payload,
            sealed: false,
            compression: None,
        })
    }
}
