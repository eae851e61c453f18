//! The frames of BUS/RT, protocol version 1 (docs/protocol.md, section 19).
//!
//! | what | client | broker |
//! |---|---|---|
//! | says | [`FromClient`]: greeting, name, [`Operation`]s, pings | [`FromBroker`]: greeting, statuses, [`Delivery`]s, acks, pings |
//! | reads with | [`FromBrokerDecoder`] | [`FromClientDecoder`] |
//!
//! [`Rpc`] is what clients put into the payloads of messages; only the broker's own client
//! `.broker` looks into it. [`BusEvent`] is what `.broker` publishes. Topics and masks are judged by
//! [`topic`](crate::topic); here they are texts.
//!
//! ```
//! use bytes::{Buf, Bytes, BytesMut};
//! use linkspan_proto::frame::Segments;
//! use linkspan_proto::frame::busrt::{
//!     Action, FromClient, FromClientDecoder, Limits, Name, Operation, Qos,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limits = Limits::default();
//! let publication = FromClient::Operation(Operation::new(
//!     1,
//!     Qos::Processed,
//!     Action::Publish {
//!         topic: "house/light".into(),
//!         payload: Bytes::from_static(b"on"),
//!     },
//! ));
//! let mut wire = Segments::new();
//! for item in [
//!     FromClient::Greeting,
//!     FromClient::Name(Name::new("switch", &limits)?),
//!     publication.clone(),
//! ] {
//!     item.encode(&limits, &mut wire)?;
//! }
//!
//! let mut input = BytesMut::from(&wire.copy_to_bytes(wire.remaining())[..]);
//! let mut broker = FromClientDecoder::new(limits);
//! assert_eq!(broker.decode(&mut input)?, Some(FromClient::Greeting));
//! assert!(matches!(broker.decode(&mut input)?, Some(FromClient::Name(name)) if name == "switch"));
//! assert_eq!(broker.decode(&mut input)?, Some(publication));
//! # Ok(())
//! # }
//! ```

mod body;
mod broker;
mod client;
mod cutter;
mod delivery;
mod event;
mod masks;
mod name;
mod operation;
mod qos;
mod rpc;
mod status;

pub use body::Field;
pub use broker::{FromBroker, FromBrokerDecoder};
pub use client::{FromClient, FromClientDecoder};
pub use delivery::{Delivery, DeliveryKind, Route, encode_delivery};
pub use event::BusEvent;
pub use masks::Masks;
pub use name::{Name, primary};
pub use operation::{Action, Operation};
pub use qos::Qos;
pub use rpc::{Rpc, RpcCode};
pub use status::Status;

/// What one side takes, and sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest body of an operation, in bytes: its fields, their NULs, and the payload. Default:
    /// 16,777,216.
    ///
    /// BUS/RT has no limit. A peer can make us buffer one such body. That of a delivery may be
    /// `max_name_bytes` + 1 longer, because its sender was added.
    pub max_body_bytes: u32,
    /// Longest name of a client, in bytes of UTF-8. Default: 1,024. BUS/RT takes 65,535.
    pub max_name_bytes: u16,
    /// Most masks of one list. Default: 65,536. BUS/RT has no limit.
    pub max_masks: u32,
}

impl Limits {
    /// Longest body of a delivery, in bytes: room for a sender beside the longest operation.
    pub fn max_delivery_bytes(&self) -> u32 {
        let sender_bytes = u32::from(self.max_name_bytes).saturating_add(1);
        self.max_body_bytes.saturating_add(sender_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 * 1024 * 1024,
            max_name_bytes: 1024,
            max_masks: 65_536,
        }
    }
}

/// The number of the operation, or of the call, that comes after this one: 0 is left out.
pub fn next_id(id: u32) -> u32 {
    id.checked_add(1).unwrap_or(1)
}

/// What both sides say first: a magic byte, and protocol version 1.
pub const GREETING: [u8; 3] = [0xeb, 1, 0];
/// Bytes before the body of an operation, and all of a client's ping.
pub const OPERATION_HEADER_BYTES: usize = 9;
/// Bytes before the body of a delivery, and all of an ack and of a broker's ping.
pub const DELIVERY_HEADER_BYTES: usize = 6;
/// The name of the broker's own client.
pub const BROKER: &str = ".broker";
