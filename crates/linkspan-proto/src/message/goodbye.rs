//! Kind 11: the sender takes no new streams.

use bytes::Bytes;

use crate::error::MessageError;
use crate::message::Text;
use crate::stream_id::StreamId;

/// Announces the end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Goodbye {
    /// The highest stream of the receiver's that is or will be handled. What it opened above was
    /// never accepted and may be repeated elsewhere.
    pub last_stream: StreamId,
    /// Why, for people.
    pub reason: Text,
}

impl Goodbye {
    /// Makes a goodbye.
    pub fn new(last_stream: StreamId, reason: impl Into<Text>) -> Self {
        Self {
            last_stream,
            reason: reason.into(),
        }
    }

    pub(crate) fn decode(number: u64, payload: Bytes) -> Result<Self, MessageError> {
        let reason = Text::from_utf8(payload).ok_or(MessageError::Malformed { part: "reason" })?;
        Ok(Self {
            last_stream: StreamId::new(number),
            reason,
        })
    }
}
