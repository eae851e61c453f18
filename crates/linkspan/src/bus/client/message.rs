//! Messages that a client gets.

use std::fmt;

use bytes::Bytes;
use proto::frame::busrt::primary;

use crate::bus::wire::{Headers, Malformed, Record, RecordKind, SEALED, codec_of};
use crate::codec::{Codec, CodecError, Decode, Payload};

/// A message, as a client gets it.
#[derive(Clone)]
pub struct Message {
    kind: MessageKind,
    codec: Option<Codec>,
    is_sealed: bool,
    headers: Bytes,
    /// Sender and topic, each with a NUL, and the payload, if it is not on its own.
    rest: Bytes,
    topic_at: usize,
    payload_at: usize,
    payload: Option<Bytes>,
    gap: Option<Gap>,
}

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// It was published under a topic.
    Publication,
    /// It was sent to this client.
    Direct,
    /// It was sent to all clients whose names are alike.
    Broadcast,
    /// It was sent to this client as a notification, in the way of BUS/RT's calls.
    Notification,
}

/// Messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Gap {
    /// So many were dropped here for want of room.
    pub dropped: u64,
    /// The connection was lost and made again: whatever was published meanwhile is missing, and
    /// nobody knows how much that is.
    pub is_disconnected: bool,
}

impl Message {
    /// How it came.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The topic; empty unless it is a publication.
    pub fn topic(&self) -> &str {
        self.text(self.topic_at, self.payload_at)
    }

    /// Full name of the client that sent it, by the broker's word.
    pub fn sender(&self) -> &str {
        self.text(0, self.topic_at)
    }

    /// Name of its sender's primary client: the same but for secondaries, who have `%%` in theirs.
    pub fn primary_sender(&self) -> &str {
        primary(self.sender())
    }

    /// Named values that a native sender gave.
    pub fn headers(&self) -> Headers {
        // They were looked at when they were received.
        Headers::decode(&self.headers).unwrap_or_default()
    }

    /// How the payload is encoded, if its sender said so; clients of BUS/RT do not.
    pub fn codec(&self) -> Option<Codec> {
        self.codec
    }

    /// Whether the payload is a sealed envelope, which is opened by a sealed client.
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// The payload as it was sent.
    pub fn payload(&self) -> Bytes {
        match &self.payload {
            Some(payload) => payload.clone(),
            None => self.rest.slice(self.payload_at..),
        }
    }

    /// Reads the payload; one of which nobody said how it is encoded is taken for protobuf if that is
    /// wanted, and for MessagePack otherwise. [`Raw`](crate::codec::Raw) takes any.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if it is something else, or [sealed](Self::is_sealed).
    pub fn decode<T: Decode>(&self) -> Result<T, CodecError> {
        let codec = match self.is_sealed {
            // An envelope is bytes, whatever is in it.
            true => Codec::Raw,
            false => self.codec.unwrap_or_else(T::assumed),
        };
        T::decode(&Payload::new(codec, self.payload()))
    }

    /// What is missing before it, if anything.
    pub fn gap(&self) -> Option<Gap> {
        self.gap
    }

    pub(super) fn set_gap(&mut self, gap: Option<Gap>) {
        self.gap = gap;
    }

    /// The same message as a notification, without what says so.
    pub(super) fn into_notification(mut self, data: Bytes) -> Self {
        self.kind = MessageKind::Notification;
        self.payload = Some(data);
        self
    }

    /// The same message with what was in its envelope.
    #[cfg(feature = "seal")]
    pub(super) fn opened(mut self, payload: Bytes) -> Self {
        self.is_sealed = false;
        self.payload = Some(payload);
        self
    }

    /// Whether its payload may be that of a call: such have no encoding of their own.
    pub(super) fn may_be_call(&self) -> bool {
        self.kind == MessageKind::Direct && self.codec.is_none() && !self.is_sealed
    }

    /// Makes a message of a record, and of its payload if that came on its own; a gap is none,
    /// and neither is a call that comes back.
    pub(super) fn of(record: Record, payload: Option<Bytes>) -> Result<Self, Malformed> {
        let kind = match record.kind {
            RecordKind::Publication => MessageKind::Publication,
            RecordKind::Message => MessageKind::Direct,
            RecordKind::Broadcast => MessageKind::Broadcast,
            RecordKind::Gap(_) | RecordKind::Receiver | RecordKind::Returned(..) => {
                return Err(Malformed("kind"));
            }
        };
        Headers::check(&record.headers)?;
        let topic_at = after_text(&record.rest, 0)?;
        let payload_at = match kind {
            MessageKind::Publication => after_text(&record.rest, topic_at)?,
            _ => topic_at,
        };
        Ok(Self {
            kind,
            codec: codec_of(record.codec & !SEALED),
            is_sealed: record.codec & SEALED != 0,
            headers: record.headers,
            rest: record.rest,
            topic_at,
            payload_at,
            payload,
            gap: None,
        })
    }

    /// The text before the NUL in front of `end`.
    fn text(&self, start: usize, end: usize) -> &str {
        let text = self.rest.get(start..end.saturating_sub(1));
        // It was looked at when it was received.
        std::str::from_utf8(text.unwrap_or_default()).unwrap_or_default()
    }
}

impl Gap {
    /// Both gaps as one.
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            dropped: self.dropped.saturating_add(other.dropped),
            is_disconnected: self.is_disconnected || other.is_disconnected,
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("sender", &self.sender())
            .field("topic", &self.topic())
            .field("is_sealed", &self.is_sealed)
            .field("payload_bytes", &self.payload().len())
            .field("gap", &self.gap)
            .finish_non_exhaustive()
    }
}

/// Where the text that begins at `start` is over, and its NUL.
fn after_text(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| *byte == 0);
    let text = length.and_then(|length| rest.get(..length));
    let text = text.filter(|text| std::str::from_utf8(text).is_ok());
    text.map(|text| start + text.len() + 1)
        .ok_or(Malformed("text"))
}
