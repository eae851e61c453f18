//! Messages that could not be delivered, as a client sees them.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bus::wire::{
    DeadLetterPage, DroppedDeadLetters, ListDeadLetters, ShowDeadLetter, WholeDeadLetter, codec_of,
    method,
};
use crate::bus::{Client, DeadLetter, DeadLetterFilter, Headers, PostError, Replayed};
use crate::codec::{Codec, CodecError, Decode, Payload};
use crate::session::CallError;

/// A message that could not be delivered, as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadMessage {
    /// What happened to it.
    pub letter: DeadLetter,
    /// How the payload is encoded, if its sender said so.
    pub codec: Option<Codec>,
    /// Named values that its sender gave.
    pub headers: Headers,
    /// The payload as it was sent.
    pub payload: Bytes,
}

impl DeadMessage {
    /// Reads the payload; one of which nobody said how it is encoded is taken for MessagePack.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if it is something else.
    pub fn decode<T: Decode>(&self) -> Result<T, CodecError> {
        let codec = self.codec.unwrap_or_default();
        T::decode(&Payload::new(codec, self.payload.clone()))
    }
}

/// What the broker keeps of messages that could not be delivered; see
/// [`DeadLetters`](crate::bus::DeadLetters).
impl Client {
    /// The dead letters that a filter means, the oldest first.
    ///
    /// # Errors
    ///
    /// [`PostError::Denied`] if this client may not see them, [`PostError::Call`] if the broker cannot
    /// be reached or the filter's mask is none.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<Vec<DeadLetter>, PostError> {
        let mut letters = Vec::new();
        let mut wanted = ListDeadLetters {
            filter: filter.clone(),
            ..ListDeadLetters::default()
        };
        loop {
            let page: DeadLetterPage = self.ask_for(method::DLQ_LIST, &wanted).await?;
            letters.extend(page.letters);
            match letters.last() {
                Some(last) if page.more => wanted.after = last.id,
                _ => return Ok(letters),
            }
        }
    }

    /// A dead letter by its number, with its payload; none if there is none.
    ///
    /// # Errors
    ///
    /// As [`dead_letters`](Self::dead_letters).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn dead_letter(&self, id: u64) -> Result<Option<DeadMessage>, PostError> {
        let body = self
            .ask_raw(method::DLQ_SHOW, &ShowDeadLetter { id })
            .await?;
        if body.is_empty() {
            return Ok(None);
        }
        let whole: WholeDeadLetter = Codec::Msgpack.decode(&body).map_err(CallError::Decode)?;
        let mut headers = Headers::new();
        for (name, value) in &whole.headers {
            // They had room before.
            headers.add(name, value).ok();
        }
        Ok(Some(DeadMessage {
            letter: whole.letter,
            codec: codec_of(whole.codec),
            headers,
            payload: whole.payload,
        }))
    }

    /// Delivers the dead letters that a filter means, in the names of their senders: each to all who
    /// want it now, or to the one client that did not get it. Those for which nobody is there, or has
    /// no room, stay; rates do not count.
    ///
    /// # Errors
    ///
    /// As [`dead_letters`](Self::dead_letters).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, they are delivered or not.
    pub async fn replay_dead_letters(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<Replayed, PostError> {
        self.ask_for(method::DLQ_REPLAY, filter).await
    }

    /// Has the broker forget the dead letters that a filter means; says how many there were.
    ///
    /// # Errors
    ///
    /// As [`dead_letters`](Self::dead_letters).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, they are forgotten or not.
    pub async fn drop_dead_letters(&self, filter: &DeadLetterFilter) -> Result<u64, PostError> {
        let answer: DroppedDeadLetters = self.ask_for(method::DLQ_DROP, filter).await?;
        Ok(answer.dropped)
    }

    async fn ask_for<T: DeserializeOwned>(
        &self,
        method: &'static str,
        question: &impl Serialize,
    ) -> Result<T, PostError> {
        let body = self.ask_raw(method, question).await?;
        Ok(Codec::Msgpack.decode(&body).map_err(CallError::Decode)?)
    }

    async fn ask_raw(
        &self,
        method: &'static str,
        question: &impl Serialize,
    ) -> Result<Bytes, PostError> {
        let question = Codec::Msgpack.encode(question)?;
        let response = self.link().ask(method, &question).await?;
        Ok(response.body.collect().await?)
    }
}
