//! What somebody sent: made once, shared by all who get it.

use std::sync::Arc;

use bytes::Bytes;
use proto::frame::Segments;
use proto::frame::busrt::{DeliveryKind, Name, encode_delivery};

use crate::bus::wire::{Headers, RECEIVER, REQUIRED};

/// A message on its way, whoever gets it.
///
/// Sender, topic and a short payload are in one piece, each text with a NUL behind it, as BUS/RT
/// clients are sent them: then most messages are two allocations, however many get them.
#[derive(Debug)]
pub(crate) struct Message {
    kind: DeliveryKind,
    /// Whether its sender wants it to leave without delay.
    is_realtime: bool,
    head: Box<[u8]>,
    /// Where the topic begins in the head.
    topic_at: usize,
    /// Where the payload begins in the head; its end if the payload is not there.
    payload_at: usize,
    long_payload: Option<Bytes>,
    extras: Extras,
}

/// What only native clients say and hear.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// How the payload is encoded, by its number on the wire; 0 if nobody said so.
    pub(crate) codec: u8,
    /// Named values, as they go over the wire.
    pub(crate) headers: Bytes,
}

/// A message that others have, too.
pub(crate) type Shared = Arc<Message>;

impl Message {
    /// Something told under a topic.
    pub(crate) fn publication(sender: &Name, topic: &str, payload: &Bytes) -> Self {
        Self::new(DeliveryKind::Publication, sender, Some(topic), payload)
    }

    /// Something for one client.
    pub(crate) fn direct(sender: &Name, payload: &Bytes) -> Self {
        Self::new(DeliveryKind::Message, sender, None, payload)
    }

    /// Something for all clients whose names are alike.
    pub(crate) fn broadcast(sender: &Name, payload: &Bytes) -> Self {
        Self::new(DeliveryKind::Broadcast, sender, None, payload)
    }

    pub(crate) fn realtime(mut self, is_realtime: bool) -> Self {
        self.is_realtime = is_realtime;
        self
    }

    pub(crate) fn with_extras(mut self, extras: Extras) -> Self {
        self.extras = extras;
        self
    }

    fn new(kind: DeliveryKind, sender: &Name, topic: Option<&str>, payload: &Bytes) -> Self {
        let is_short = payload.len() < SHORT_BYTES;
        let short = if is_short { payload.as_ref() } else { &[] };
        let topic_at = sender.len() + 1;
        let payload_at = topic_at + topic.map_or(0, |topic| topic.len() + 1);
        let mut head = Vec::with_capacity(payload_at + short.len());
        for text in [Some(&**sender), topic].into_iter().flatten() {
            head.extend_from_slice(text.as_bytes());
            head.push(0);
        }
        head.extend_from_slice(short);
        Self {
            kind,
            is_realtime: false,
            head: head.into_boxed_slice(),
            topic_at,
            payload_at,
            long_payload: (!is_short).then(|| detached(payload)),
            extras: Extras::default(),
        }
    }

    pub(crate) fn kind(&self) -> DeliveryKind {
        self.kind
    }

    pub(crate) fn is_realtime(&self) -> bool {
        self.is_realtime
    }

    pub(crate) fn sender(&self) -> &str {
        self.text(0, self.topic_at)
    }

    /// The topic; empty unless it is a publication.
    pub(crate) fn topic(&self) -> &str {
        self.text(self.topic_at, self.payload_at)
    }

    pub(crate) fn payload(&self) -> Bytes {
        match &self.long_payload {
            Some(payload) => payload.clone(),
            None => Bytes::copy_from_slice(self.payload_bytes()),
        }
    }

    /// The payload where it is.
    pub(crate) fn payload_bytes(&self) -> &[u8] {
        match &self.long_payload {
            Some(payload) => payload,
            None => self.head.get(self.payload_at..).unwrap_or_default(),
        }
    }

    /// Whether it is a call to whom it is for.
    pub(crate) fn is_request(&self) -> bool {
        self.call_kind() == Some(REQUEST)
    }

    /// Whether it says how a call went.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.call_kind(), Some(REPLY | ERROR))
    }

    /// Whether its sender wants it kept if there is nobody to get it.
    pub(crate) fn requires_receiver(&self) -> bool {
        let headers = &self.extras.headers;
        !headers.is_empty() && Headers::value_in(headers, RECEIVER) == Some(REQUIRED)
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    /// Sender, topic and a short payload, each text with a NUL behind it; and a long payload.
    pub(crate) fn parts(&self) -> (&[u8], Option<&Bytes>) {
        (&self.head, self.long_payload.as_ref())
    }

    /// Adds it to what a BUS/RT client is sent.
    pub(crate) fn encode(&self, out: &mut Segments) {
        let tail = self.long_payload.as_ref();
        encode_delivery(self.kind, self.is_realtime, &self.head, tail, out);
    }

    /// Bytes of sender, topic and payload.
    pub(crate) fn body_bytes(&self) -> usize {
        self.head.len() + self.long_payload.as_ref().map_or(0, Bytes::len)
    }

    /// What it takes of a queue's bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>() + self.body_bytes() + self.extras.headers.len()
    }

    /// Which part of a call it is; a notification is none. Calls are messages of which nobody says
    /// how they are encoded.
    fn call_kind(&self) -> Option<u8> {
        let may_be = self.kind == DeliveryKind::Message && self.extras.codec == 0;
        let kind = self.payload_bytes().first().copied().filter(|_| may_be);
        kind.filter(|kind| *kind != NOTIFICATION)
    }

    /// The text before the NUL in front of `end`.
    fn text(&self, start: usize, end: usize) -> &str {
        let bytes = self.head.get(start..end.saturating_sub(1));
        // It was a text when it was written.
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// The payload without much else: what is a small part of what was read at once would keep all of
/// that in memory.
fn detached(payload: &Bytes) -> Bytes {
    match payload.len() < LARGE_BYTES {
        true => Bytes::copy_from_slice(payload),
        false => payload.clone(),
    }
}

/// With what the payloads of calls begin (docs/protocol.md, section 19.6).
const NOTIFICATION: u8 = 0;
const REQUEST: u8 = 1;
const REPLY: u8 = 0x11;
const ERROR: u8 = 0x12;
/// From here on a payload is worth an allocation of its own.
const SHORT_BYTES: usize = 4096;
/// From here on a payload is at least a quarter of what is read at once.
const LARGE_BYTES: usize = 16 * 1024;
