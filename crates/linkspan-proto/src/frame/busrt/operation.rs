//! What clients want done.

use bytes::{Buf, Bytes};

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::Segments;
use crate::frame::busrt::body::{Body, take_field};
use crate::frame::busrt::{Field, Limits, Masks, OPERATION_HEADER_BYTES, Qos};
use crate::message::Text;

/// One operation of a client's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The client's number for it, which an ack repeats.
    pub id: u32,
    /// Whether an ack is wanted, and whether it hurries.
    pub qos: Qos,
    /// What is to be done.
    pub action: Action,
}

/// What an operation does.
///
/// Texts and payloads are slices of what was received: whoever keeps one keeps all of it in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// 0x01: tells all subscribers of a topic.
    Publish {
        /// The topic.
        topic: Text,
        /// What they are told.
        payload: Bytes,
    },
    /// 0x02: wants what is published under any of these masks.
    Subscribe(Masks),
    /// 0x03: takes masks back, each exactly as it was given.
    Unsubscribe(Masks),
    /// 0x04: does not want what is published under any of these masks, whatever is subscribed to.
    Exclude(Masks),
    /// 0x05: takes such masks back, each exactly as it was given.
    Unexclude(Masks),
    /// 0x06: tells one primary client and its secondaries, as far as they subscribe to the topic.
    PublishFor {
        /// The topic.
        topic: Text,
        /// Name of the primary client.
        receiver: Text,
        /// What it is told.
        payload: Bytes,
    },
    /// 0x12: sends to one client.
    Message {
        /// Its name.
        target: Text,
        /// What it is sent.
        payload: Bytes,
    },
    /// 0x13: sends to all clients whose name a mask stands for.
    Broadcast {
        /// The mask.
        mask: Text,
        /// What they are sent.
        payload: Bytes,
    },
    /// 0x00 with a QoS: nothing, without an ack. With [`Qos::No`] it is written as a ping.
    Nothing,
}

impl Operation {
    /// Makes an operation.
    pub fn new(id: u32, qos: Qos, action: Action) -> Self {
        Self { id, qos, action }
    }

    /// Reads an operation, header and all, of which the length was checked.
    pub(super) fn read(mut frame: Bytes, limits: &Limits) -> Result<Self, BusrtDecodeError> {
        let Some([a, b, c, d, flags, _, _, _, _]) = frame.first_chunk().copied() else {
            return Err(BusrtDecodeError::Operation { code: 0 });
        };
        frame.advance(OPERATION_HEADER_BYTES);
        Ok(Self {
            id: u32::from_le_bytes([a, b, c, d]),
            qos: Qos::of_flags(flags),
            action: Action::read(flags & CODE, frame, limits)?,
        })
    }

    pub(super) fn encode(
        &self,
        limits: &Limits,
        out: &mut Segments,
    ) -> Result<(), BusrtEncodeError> {
        let body = match self.qos {
            // With flags of 0 it is a ping, which has no body.
            Qos::No if self.action == Action::Nothing => Body::default(),
            _ => self.action.body(),
        };
        let bytes = body.checked_bytes(limits.max_body_bytes)?;
        let inline = out.inline();
        inline.extend_from_slice(&self.id.to_le_bytes());
        inline.push(self.action.code() | self.qos.to_flags());
        inline.extend_from_slice(&bytes.to_le_bytes());
        body.write_fields(inline);
        out.push_body(body.payload);
        Ok(())
    }
}

impl Action {
    /// Its code on the wire, without flags.
    pub fn code(&self) -> u8 {
        match self {
            Self::Nothing => NOTHING,
            Self::Publish { .. } => PUBLISH,
            Self::Subscribe(_) => SUBSCRIBE,
            Self::Unsubscribe(_) => UNSUBSCRIBE,
            Self::Exclude(_) => EXCLUDE,
            Self::Unexclude(_) => UNEXCLUDE,
            Self::PublishFor { .. } => PUBLISH_FOR,
            Self::Message { .. } => MESSAGE,
            Self::Broadcast { .. } => BROADCAST,
        }
    }

    /// Length of its body: its texts, their NULs, and the payload.
    pub fn body_bytes(&self) -> usize {
        let Body { fields, payload } = self.body();
        let texts = fields
            .iter()
            .flatten()
            .map(|(_, text)| text.len().saturating_add(1));
        texts.fold(payload.len(), usize::saturating_add)
    }

    fn read(code: u8, mut body: Bytes, limits: &Limits) -> Result<Self, BusrtDecodeError> {
        Ok(match code {
            NOTHING => read_nothing(&body)?,
            PUBLISH => Self::Publish {
                topic: take_field(&mut body, Field::Topic)?,
                payload: body,
            },
            SUBSCRIBE => Self::Subscribe(Masks::read(body, limits)?),
            UNSUBSCRIBE => Self::Unsubscribe(Masks::read(body, limits)?),
            EXCLUDE => Self::Exclude(Masks::read(body, limits)?),
            UNEXCLUDE => Self::Unexclude(Masks::read(body, limits)?),
            PUBLISH_FOR => Self::PublishFor {
                topic: take_field(&mut body, Field::Topic)?,
                receiver: take_field(&mut body, Field::Receiver)?,
                payload: body,
            },
            MESSAGE => Self::Message {
                target: take_field(&mut body, Field::Target)?,
                payload: body,
            },
            BROADCAST => Self::Broadcast {
                mask: take_field(&mut body, Field::Mask)?,
                payload: body,
            },
            code => return Err(BusrtDecodeError::Operation { code }),
        })
    }

    fn body(&self) -> Body<'_> {
        let (fields, payload) = match self {
            Self::Publish { topic, payload } => ([Some((Field::Topic, topic)), None], payload),
            Self::PublishFor {
                topic,
                receiver,
                payload,
            } => {
                let receiver = Some((Field::Receiver, receiver));
                ([Some((Field::Topic, topic)), receiver], payload)
            }
            Self::Message { target, payload } => ([Some((Field::Target, target)), None], payload),
            Self::Broadcast { mask, payload } => ([Some((Field::Mask, mask)), None], payload),
            Self::Subscribe(masks)
            | Self::Unsubscribe(masks)
            | Self::Exclude(masks)
            | Self::Unexclude(masks) => ([None, None], masks.as_bytes()),
            Self::Nothing => ([None, None], &LONE_NUL),
        };
        Body {
            fields: fields.map(|field| field.map(|(field, text)| (field, text.as_str()))),
            payload,
        }
    }
}

/// How many bytes the operation or ping at the front of `input` has.
pub(super) fn measure(input: &[u8], limits: &Limits) -> Result<Option<usize>, BusrtDecodeError> {
    let Some([_, _, _, _, flags, length @ ..]) = input.first_chunk::<OPERATION_HEADER_BYTES>()
    else {
        return Ok(None);
    };
    if *flags == PING_FLAGS {
        return Ok(Some(OPERATION_HEADER_BYTES));
    }
    let code = flags & CODE;
    if !CODES.contains(&code) {
        return Err(BusrtDecodeError::Operation { code });
    }
    let (bytes, limit) = (u32::from_le_bytes(*length), limits.max_body_bytes);
    if bytes > limit {
        return Err(BusrtDecodeError::TooLarge { bytes, limit });
    }
    let body_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(Some(body_bytes.saturating_add(OPERATION_HEADER_BYTES)))
}

/// Whether a part that was measured is a ping, which has nine bytes of which only one counts.
pub(super) fn is_ping(frame: &[u8]) -> bool {
    frame.get(FLAGS_OFFSET) == Some(&PING_FLAGS)
}

/// BUS/RT wants a NUL in it and nothing else.
fn read_nothing(body: &[u8]) -> Result<Action, BusrtDecodeError> {
    let field = Field::Nothing;
    let has_nul = body.contains(&0);
    has_nul
        .then_some(Action::Nothing)
        .ok_or(BusrtDecodeError::Unended { field })
}

const NOTHING: u8 = 0x00;
const PUBLISH: u8 = 0x01;
const SUBSCRIBE: u8 = 0x02;
const UNSUBSCRIBE: u8 = 0x03;
const EXCLUDE: u8 = 0x04;
const UNEXCLUDE: u8 = 0x05;
const PUBLISH_FOR: u8 = 0x06;
const MESSAGE: u8 = 0x12;
const BROADCAST: u8 = 0x13;
const CODES: [u8; 9] = [
    NOTHING,
    PUBLISH,
    SUBSCRIBE,
    UNSUBSCRIBE,
    EXCLUDE,
    UNEXCLUDE,
    PUBLISH_FOR,
    MESSAGE,
    BROADCAST,
];
/// Bits of the flags that are the code; the others are the QoS.
const CODE: u8 = 0x3f;
const FLAGS_OFFSET: usize = 4;
const PING_FLAGS: u8 = 0;
static LONE_NUL: Bytes = Bytes::from_static(&[0]);
