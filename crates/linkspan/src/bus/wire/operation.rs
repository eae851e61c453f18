//! What clients send to others: the bodies of the methods and events that publish and send.
//!
//! ```text
//! u8 encoding | u16 length of the headers | headers | texts, each with a NUL | payload
//! ```

use bytes::{Buf, BufMut, Bytes};

use crate::bus::wire::{Headers, Malformed};

/// A message to be passed on, as it was received.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) codec: u8,
    pub(crate) headers: Bytes,
    /// From the first text on.
    rest: Bytes,
    /// Where the first and the second text end.
    ends: [usize; 2],
    payload_at: usize,
}

impl Operation {
    /// Encodes a message for a topic, a receiver, or both.
    pub(crate) fn encode(codec: u8, headers: &Headers, texts: &[&str], payload: &[u8]) -> Bytes {
        let headers = headers.encoded();
        let texts_bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
        let bytes = HEAD_BYTES + headers.len() + texts_bytes + payload.len();
        let mut body = Vec::with_capacity(bytes);
        body.put_u8(codec);
        // They are never longer.
        body.put_u16_le(u16::try_from(headers.len()).unwrap_or(u16::MAX));
        body.put_slice(headers);
        for text in texts {
            body.put_slice(text.as_bytes());
            body.put_u8(NUL);
        }
        body.put_slice(payload);
        body.into()
    }

    /// Reads a message with one or two texts.
    pub(crate) fn decode(mut body: Bytes, has_two: bool) -> Result<Self, Malformed> {
        let codec = body.try_get_u8().map_err(|_| Malformed("encoding"))?;
        let length = body.try_get_u16_le().map_err(|_| Malformed("header"))?;
        if body.len() < length.into() {
            return Err(Malformed("header"));
        }
        // They would keep all that was read with them.
        let headers = Bytes::copy_from_slice(&body.split_to(length.into()));
        Headers::check(&headers)?;
        let first = text_end(&body, 0)?;
        let second = if has_two {
            text_end(&body, first + 1)?
        } else {
            first
        };
        Ok(Self {
            codec,
            headers,
            ends: [first, second],
            payload_at: second + 1,
            rest: body,
        })
    }

    pub(crate) fn first(&self) -> &str {
        self.text(0, self.ends[0])
    }

    /// The second text; the only one if there is one.
    pub(crate) fn last(&self) -> &str {
        match self.ends {
            [_, end] if self.has_two() => self.text(self.ends[0] + 1, end),
            [end, _] => self.text(0, end),
        }
    }

    pub(crate) fn has_two(&self) -> bool {
        self.ends[1] > self.ends[0]
    }

    pub(crate) fn payload(&self) -> Bytes {
        self.rest.slice(self.payload_at..)
    }

    fn text(&self, start: usize, end: usize) -> &str {
        let text = self.rest.get(start..end).unwrap_or_default();
        // It was looked at when it was read.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// What a client is told about what it published or sent: one byte, and the number of the receiver,
/// if it was sent to one, in eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) outcome: Outcome,
    pub(crate) receiver: u64,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    Nobody,
    NotDelivered,
}

impl Receipt {
    pub(crate) fn encode(self) -> Bytes {
        let mut body = Vec::with_capacity(RECEIPT_BYTES);
        body.put_u8(match self.outcome {
            Outcome::Delivered => 1,
            Outcome::Nobody => 2,
            Outcome::NotDelivered => 3,
        });
        body.put_u64_le(self.receiver);
        body.into()
    }

    pub(crate) fn decode(mut body: &[u8]) -> Result<Self, Malformed> {
        let outcome = match body.try_get_u8() {
            Ok(1) => Outcome::Delivered,
            Ok(2) => Outcome::Nobody,
            Ok(3) => Outcome::NotDelivered,
            _ => return Err(Malformed("receipt")),
        };
        let receiver = body.try_get_u64_le().map_err(|_| Malformed("receipt"))?;
        Ok(Self { outcome, receiver })
    }
}

/// Where a text that begins at `start` ends.
fn text_end(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let text = bytes.get(start..).ok_or(Malformed("text"))?;
    let length = text.iter().position(|byte| *byte == NUL);
    let length = length.ok_or(Malformed("text"))?;
    let text = text.get(..length).ok_or(Malformed("text"))?;
    match std::str::from_utf8(text) {
        Ok(_) => Ok(start + length),
        Err(_) => Err(Malformed("text")),
    }
}

const NUL: u8 = 0;
const HEAD_BYTES: usize = 3;
const RECEIPT_BYTES: usize = 9;
