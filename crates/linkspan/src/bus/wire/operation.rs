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
        Self::encode_behind(&[], codec, headers, texts, payload)
    }

    fn encode_behind(
        ticket: &[u8],
        codec: u8,
        headers: &Headers,
        texts: &[&str],
        payload: &[u8],
    ) -> Bytes {
        let headers = headers.encoded();
        let texts_bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
        let bytes = ticket.len() + HEAD_BYTES + headers.len() + texts_bytes + payload.len();
        let mut body = Vec::with_capacity(bytes);
        body.put_slice(ticket);
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

/// What stands before the operation of a call: the number that its receiver shall have, in eight
/// bytes, and that of the call, in four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) receiver: u64,
    pub(crate) call: u32,
}

impl Ticket {
    /// Encodes a call.
    pub(crate) fn encode(self, headers: &Headers, receiver: &str, payload: &[u8]) -> Bytes {
        let mut ticket = [0; TICKET_BYTES];
        let mut fields = ticket.as_mut_slice();
        fields.put_u64_le(self.receiver);
        fields.put_u32_le(self.call);
        Operation::encode_behind(&ticket, 0, headers, &[receiver], payload)
    }

    /// Reads a call.
    pub(crate) fn decode(mut body: Bytes) -> Result<(Self, Operation), Malformed> {
        let receiver = body.try_get_u64_le().map_err(|_| Malformed("receiver"))?;
        let call = body.try_get_u32_le().map_err(|_| Malformed("number"))?;
        let operation = Operation::decode(body, false)?;
        Ok((Self { receiver, call }, operation))
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

impl Outcome {
    pub(super) fn to_byte(self) -> u8 {
        match self {
            Self::Delivered => 1,
            Self::Nobody => 2,
            Self::NotDelivered => 3,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Delivered),
            2 => Some(Self::Nobody),
            3 => Some(Self::NotDelivered),
            _ => None,
        }
    }
}

impl Receipt {
    pub(crate) fn encode(self) -> Bytes {
        let mut body = Vec::with_capacity(RECEIPT_BYTES);
        body.put_u8(self.outcome.to_byte());
        body.put_u64_le(self.receiver);
        body.into()
    }

    pub(crate) fn decode(mut body: &[u8]) -> Result<Self, Malformed> {
        let outcome = body.try_get_u8().ok().and_then(Outcome::from_byte);
        let outcome = outcome.ok_or(Malformed("receipt"))?;
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
const TICKET_BYTES: usize = 12;
const RECEIPT_BYTES: usize = 9;
