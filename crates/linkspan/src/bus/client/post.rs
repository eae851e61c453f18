//! Messages that a client sends.

use bytes::Bytes;
use proto::message::Text;

use crate::bus::wire::{
    self, Headers, HeadersTooLong, Operation, Outcome, RECEIVER, REQUIRED, codec_number, method,
};
use crate::codec::{Codec, CodecError, Encode, Payload};

/// A message on its way to a topic, a client, or many.
///
/// # Examples
///
/// ```
/// use linkspan::bus::Post;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let post = Post::to_topic("house/kitchen/temperature", &21.5)?.header("unit", "celsius")?;
/// # let _ = post;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Post {
    pub(super) to: To,
    headers: Headers,
    /// The number of the payload's encoding, as it goes over the wire.
    pub(super) codec: u8,
    pub(super) payload: Bytes,
}

/// Where a message goes.
#[derive(Debug, Clone)]
pub(super) enum To {
    Topic(Text),
    TopicFor { receiver: Text, topic: Text },
    Client(Text),
    Clients(Text),
}

/// What became of a message that the broker took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "somebody may not have got it"]
#[non_exhaustive]
pub enum Delivery {
    /// It is in the queue of everybody who should get it.
    Delivered,
    /// There is nobody who should get it.
    Nobody,
    /// Somebody who should get it has no room, and the broker has waited for that in vain.
    NotDelivered,
}

impl Post {
    /// Something published under a topic.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the body cannot be encoded.
    pub fn to_topic(
        topic: impl Into<Text>,
        body: &(impl Encode + ?Sized),
    ) -> Result<Self, CodecError> {
        Ok(Self::new(
            To::Topic(topic.into()),
            body.encode(Codec::Msgpack)?,
        ))
    }

    /// Something published under a topic, for one client only, if that has subscribed to it.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the body cannot be encoded.
    pub fn to_topic_for(
        receiver: impl Into<Text>,
        topic: impl Into<Text>,
        body: &(impl Encode + ?Sized),
    ) -> Result<Self, CodecError> {
        let (receiver, topic) = (receiver.into(), topic.into());
        let to = To::TopicFor { receiver, topic };
        Ok(Self::new(to, body.encode(Codec::Msgpack)?))
    }

    /// Something for the inbox of one client.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the body cannot be encoded.
    pub fn to_client(
        name: impl Into<Text>,
        body: &(impl Encode + ?Sized),
    ) -> Result<Self, CodecError> {
        Ok(Self::new(
            To::Client(name.into()),
            body.encode(Codec::Msgpack)?,
        ))
    }

    /// Something for the inboxes of all clients whose names a mask stands for: levels between `.`,
    /// where `?` stands for one level and `*` for one or more.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the body cannot be encoded.
    pub fn to_clients(
        mask: impl Into<Text>,
        body: &(impl Encode + ?Sized),
    ) -> Result<Self, CodecError> {
        Ok(Self::new(
            To::Clients(mask.into()),
            body.encode(Codec::Msgpack)?,
        ))
    }

    /// The same with one more header.
    ///
    /// # Errors
    ///
    /// [`HeadersTooLong`] if there is no room for it.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeadersTooLong> {
        self.headers.add(name, value)?;
        Ok(self)
    }

    /// The same, kept by the broker as a [dead letter](crate::bus::DeadLetters) if nobody has
    /// subscribed to its topic; what is sent to a client always is. Receivers see the header
    /// `receiver: required`.
    ///
    /// # Errors
    ///
    /// [`HeadersTooLong`] if there is no room for it.
    pub fn require_receiver(self) -> Result<Self, HeadersTooLong> {
        self.header(RECEIVER, REQUIRED)
    }

    fn new(to: To, payload: Payload) -> Self {
        Self {
            to,
            headers: Headers::new(),
            codec: codec_number(payload.codec),
            payload: payload.bytes,
        }
    }

    /// Something that calls use, and clients of BUS/RT understand.
    pub(super) fn call(receiver: Text, headers: Headers, payload: Bytes) -> Self {
        Self {
            to: To::Client(receiver),
            headers,
            codec: 0,
            payload,
        }
    }

    /// The broker's method for it.
    pub(super) fn method(&self) -> &'static str {
        match self.to {
            To::Topic(_) => method::PUBLISH,
            To::TopicFor { .. } => method::PUBLISH_FOR,
            To::Client(_) => method::SEND,
            To::Clients(_) => method::BROADCAST,
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let texts: &[&str] = match &self.to {
            To::Topic(text) | To::Client(text) | To::Clients(text) => &[text],
            To::TopicFor { receiver, topic } => &[receiver, topic],
        };
        Operation::encode(self.codec, &self.headers, texts, &self.payload)
    }

    /// As a last will.
    pub(super) fn into_will(self) -> Result<wire::Will, CodecError> {
        let To::Topic(topic) = self.to else {
            return Err(CodecError::new("goes to a client; only a topic can get it"));
        };
        Ok(wire::Will {
            topic: topic.to_string(),
            codec: self.codec,
            headers: Bytes::copy_from_slice(self.headers.encoded()),
            payload: self.payload,
        })
    }
}

impl From<Outcome> for Delivery {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Nobody => Self::Nobody,
            Outcome::NotDelivered => Self::NotDelivered,
        }
    }
}
