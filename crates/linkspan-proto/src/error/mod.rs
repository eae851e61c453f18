//! What can go wrong, who is to blame, and how it is told to the peer.

mod busrt;
mod code;
mod decode;
mod delimited;
mod exchange;
mod handshake;
mod inflate;
mod send;
mod session;
mod topic;

pub use busrt::{BusrtDecodeError, BusrtEncodeError, BusrtNameError, BusrtRpcError};
pub use code::{Blame, Category, Code};
pub use decode::{DecodeError, MessageError};
pub use delimited::{DelimitedDecodeError, DelimitedEncodeError};
pub use exchange::{ExchangeDecodeError, ExchangeEncodeError, UnknownVariant};
pub use handshake::HandshakeError;
pub use inflate::InflateError;
pub use send::SendError;
pub use session::SessionError;
pub use topic::TopicError;
