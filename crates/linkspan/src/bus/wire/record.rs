//! What clients get: items of one or more records each.
//!
//! ```text
//! u8 kind and flags | u8 encoding | u16 length of the headers | u32 length of the rest | headers
//! | sender with a NUL | a publication's topic with a NUL | payload
//! ```
//!
//! A long payload is an item of its own, which follows; then its record is the last of its item. So
//! it is never copied, however many get it.

use bytes::{Buf, BufMut, Bytes};

use crate::bus::wire::{Malformed, Outcome};

/// A message, or a gap, as a client gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: RecordKind,
    pub(crate) codec: u8,
    pub(crate) headers: Bytes,
    /// Sender, topic and, unless it follows, the payload.
    pub(crate) rest: Bytes,
    /// The payload is the next item.
    pub(crate) is_long: bool,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Publication,
    Message,
    Broadcast,
    /// So many messages were dropped here.
    Gap(u64),
    /// For whom the next message is, in what taps get.
    Receiver,
    /// Nobody has the call of this number; why, or else it is to be sent by `bus.send`.
    Returned(u32, Option<Outcome>),
}

impl Record {
    /// Adds a message to an item.
    pub(crate) fn encode_message(
        kind: RecordKind,
        codec: u8,
        headers: &[u8],
        rest: &[u8],
        is_long: bool,
        item: &mut Vec<u8>,
    ) {
        let kind = match kind {
            RecordKind::Publication => PUBLICATION,
            RecordKind::Message => MESSAGE,
            RecordKind::Broadcast => BROADCAST,
            RecordKind::Gap(_) => GAP,
            RecordKind::Receiver => RECEIVER,
            RecordKind::Returned(..) => RETURNED,
        };
        item.reserve(HEAD_BYTES + headers.len() + rest.len());
        item.put_u8(if is_long { kind | LONG } else { kind });
        item.put_u8(codec);
        // Neither is ever longer: both were received within limits.
        item.put_u16_le(u16::try_from(headers.len()).unwrap_or(u16::MAX));
        item.put_u32_le(u32::try_from(rest.len()).unwrap_or(u32::MAX));
        item.put_slice(headers);
        item.put_slice(rest);
    }

    /// Adds a gap to an item.
    pub(crate) fn encode_gap(dropped: u64, item: &mut Vec<u8>) {
        let kind = RecordKind::Gap(dropped);
        Self::encode_message(kind, 0, &[], &dropped.to_le_bytes(), false, item);
    }

    /// Adds a call to an item that nobody has.
    pub(crate) fn encode_returned(call: u32, outcome: Option<Outcome>, item: &mut Vec<u8>) {
        let kind = RecordKind::Returned(call, outcome);
        let outcome = outcome.map_or(0, Outcome::to_byte);
        Self::encode_message(kind, outcome, &[], &call.to_le_bytes(), false, item);
    }

    /// Takes the first record off an item.
    pub(crate) fn decode(item: &mut Bytes) -> Result<Self, Malformed> {
        if item.len() < HEAD_BYTES {
            return Err(Malformed("record"));
        }
        let (kind, codec) = (item.get_u8(), item.get_u8());
        let headers_bytes = usize::from(item.get_u16_le());
        let rest_bytes = usize::try_from(item.get_u32_le()).map_err(|_| Malformed("record"))?;
        if item.len() < headers_bytes.saturating_add(rest_bytes) {
            return Err(Malformed("record"));
        }
        let headers = item.split_to(headers_bytes);
        let rest = item.split_to(rest_bytes);
        let is_long = kind & LONG != 0;
        let kind = match kind & !LONG {
            PUBLICATION => RecordKind::Publication,
            MESSAGE => RecordKind::Message,
            BROADCAST => RecordKind::Broadcast,
            RECEIVER => RecordKind::Receiver,
            GAP => {
                let mut count = rest.as_ref();
                let count = count.try_get_u64_le().map_err(|_| Malformed("gap"))?;
                RecordKind::Gap(count)
            }
            RETURNED => {
                let mut call = rest.as_ref();
                let call = call.try_get_u32_le().map_err(|_| Malformed("number"))?;
                RecordKind::Returned(call, Outcome::from_byte(codec))
            }
            _ => return Err(Malformed("kind")),
        };
        Ok(Self {
            kind,
            codec,
            headers,
            rest,
            is_long,
        })
    }
}

const PUBLICATION: u8 = 1;
const MESSAGE: u8 = 2;
const BROADCAST: u8 = 3;
const GAP: u8 = 4;
const RECEIVER: u8 = 5;
const RETURNED: u8 = 6;
const LONG: u8 = 0x80;
const HEAD_BYTES: usize = 8;
