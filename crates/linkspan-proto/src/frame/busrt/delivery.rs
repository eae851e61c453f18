//! What clients get from each other.

use bytes::{Buf, Bytes};

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::Segments;
use crate::frame::busrt::body::{Body, take_field};
use crate::frame::busrt::{DELIVERY_HEADER_BYTES, Field, Limits};
use crate::message::Text;

/// Something that one client sent and another one gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Name of the client that sent it, in full.
    pub sender: Text,
    /// By which way it came.
    pub route: Route,
    /// Whether it was sent with a QoS that hurries.
    pub is_realtime: bool,
    /// What it says.
    pub payload: Bytes,
}

/// The kinds of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryKind {
    /// 0x01: something published.
    Publication,
    /// 0x12: something for one client.
    Message,
    /// 0x13: something for all clients whose name a mask stands for.
    Broadcast,
}

/// Encodes a delivery whose body a broker keeps, in one piece or in two: sender, topic and payload, a
/// NUL behind each text.
///
/// Nothing is checked; the parts together are shorter than 4 GiB.
pub fn encode_delivery(
    kind: DeliveryKind,
    is_realtime: bool,
    head: &[u8],
    tail: Option<&Bytes>,
    out: &mut Segments,
) {
    let bytes = head.len().saturating_add(tail.map_or(0, Bytes::len));
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let inline = out.inline();
    inline.push(match kind {
        DeliveryKind::Publication => PUBLICATION,
        DeliveryKind::Message => MESSAGE,
        DeliveryKind::Broadcast => BROADCAST,
    });
    inline.extend_from_slice(&bytes.to_le_bytes());
    inline.push(is_realtime.into());
    inline.extend_from_slice(head);
    if let Some(tail) = tail {
        out.push_body(tail);
    }
}

/// By which way something comes to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// 0x01: it was published, for all or for one.
    Publication {
        /// Under this topic.
        topic: Text,
    },
    /// 0x12: it was sent to the client.
    Message,
    /// 0x13: it was sent to all whose name a mask stands for.
    Broadcast,
}

impl Delivery {
    /// Makes a delivery.
    pub fn new(sender: impl Into<Text>, route: Route, is_realtime: bool, payload: Bytes) -> Self {
        Self {
            sender: sender.into(),
            route,
            is_realtime,
            payload,
        }
    }

    /// Reads a delivery, header and all, of which the length was checked.
    pub(super) fn read(mut frame: Bytes) -> Result<Self, BusrtDecodeError> {
        let Some([kind, _, _, _, _, realtime]) = frame.first_chunk().copied() else {
            return Err(BusrtDecodeError::Kind { kind: 0 });
        };
        frame.advance(DELIVERY_HEADER_BYTES);
        let sender = take_field(&mut frame, Field::Sender)?;
        let route = match kind {
            PUBLICATION => Route::Publication {
                topic: take_field(&mut frame, Field::Topic)?,
            },
            MESSAGE => Route::Message,
            BROADCAST => Route::Broadcast,
            kind => return Err(BusrtDecodeError::Kind { kind }),
        };
        Ok(Self::new(sender, route, realtime != 0, frame))
    }

    pub(super) fn encode(
        &self,
        limits: &Limits,
        out: &mut Segments,
    ) -> Result<(), BusrtEncodeError> {
        self.write_head(limits, out.inline())?;
        out.push_body(&self.payload);
        Ok(())
    }

    fn write_head(&self, limits: &Limits, out: &mut Vec<u8>) -> Result<(), BusrtEncodeError> {
        let (kind, topic) = match &self.route {
            Route::Publication { topic } => (PUBLICATION, Some((Field::Topic, topic.as_str()))),
            Route::Message => (MESSAGE, None),
            Route::Broadcast => (BROADCAST, None),
        };
        let body = Body {
            fields: [Some((Field::Sender, self.sender.as_str())), topic],
            payload: &self.payload,
        };
        let bytes = body.checked_bytes(limits.max_delivery_bytes())?;
        out.push(kind);
        out.extend_from_slice(&bytes.to_le_bytes());
        out.push(self.is_realtime.into());
        body.write_fields(out);
        Ok(())
    }
}

pub(super) const PUBLICATION: u8 = 0x01;
pub(super) const MESSAGE: u8 = 0x12;
pub(super) const BROADCAST: u8 = 0x13;
