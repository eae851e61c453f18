//! Calls between clients, in the payloads of messages.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::BusrtRpcError;
use crate::frame::busrt::Status;

/// What the payload of a message says to clients that call each other.
///
/// Methods are bytes without a NUL, by convention text; what comes after the prefix is opaque, by
/// convention MessagePack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rpc {
    /// 0x00: something told without expecting an answer.
    Notification {
        /// What is told.
        data: Bytes,
    },
    /// 0x01: a question.
    Request {
        /// The caller's number for it; 0 if no answer is wanted.
        id: u32,
        /// What is called.
        method: Bytes,
        /// What it is called with.
        params: Bytes,
    },
    /// 0x11: the answer, a message to the sender of the question.
    Reply {
        /// Number of the question.
        id: u32,
        /// The answer.
        result: Bytes,
    },
    /// 0x12: the answer of a callee that failed.
    Error {
        /// Number of the question.
        id: u32,
        /// What went wrong.
        code: RpcCode,
        /// More about it, usually text.
        data: Bytes,
    },
}

impl Rpc {
    /// Reads the payload of a message; bodies are slices of it.
    ///
    /// # Errors
    ///
    /// - [`Cut`](BusrtRpcError::Cut): it ends within its prefix;
    /// - [`Kind`](BusrtRpcError::Kind): an unknown first byte;
    /// - [`Method`](BusrtRpcError::Method): no NUL ends the method.
    pub fn decode(mut payload: Bytes) -> Result<Self, BusrtRpcError> {
        let bytes = payload.len();
        let kind = payload.first().copied();
        let prefix_bytes = match kind.unwrap_or(NOTIFICATION) {
            NOTIFICATION => KIND_BYTES,
            REQUEST | REPLY => KIND_BYTES + ID_BYTES,
            ERROR => KIND_BYTES + ID_BYTES + CODE_BYTES,
            kind => return Err(BusrtRpcError::Kind { kind }),
        };
        if bytes < prefix_bytes {
            return Err(BusrtRpcError::Cut {
                bytes,
                prefix_bytes,
            });
        }
        match payload.get_u8() {
            REQUEST => read_request(payload),
            REPLY => Ok(Self::Reply {
                id: payload.get_u32_le(),
                result: payload,
            }),
            ERROR => Ok(Self::Error {
                id: payload.get_u32_le(),
                code: RpcCode(payload.get_i16_le()),
                data: payload,
            }),
            _ => Ok(Self::Notification { data: payload }),
        }
    }

    /// Encodes it as the payload of a message.
    ///
    /// # Errors
    ///
    /// [`Method`](BusrtRpcError::Method): the method has a NUL.
    pub fn encode(&self) -> Result<Bytes, BusrtRpcError> {
        let (kind, id, rest) = match self {
            Self::Notification { data } => (NOTIFICATION, None, data),
            Self::Request { id, params, .. } => (REQUEST, Some(id), params),
            Self::Reply { id, result } => (REPLY, Some(id), result),
            Self::Error { id, data, .. } => (ERROR, Some(id), data),
        };
        let mut payload = BytesMut::with_capacity(rest.len().saturating_add(LIKELY_PREFIX_BYTES));
        payload.put_u8(kind);
        if let Some(id) = id {
            payload.put_u32_le(*id);
        }
        match self {
            Self::Request { method, .. } if method.contains(&NUL) => {
                return Err(BusrtRpcError::Method);
            }
            Self::Request { method, .. } => {
                payload.put_slice(method);
                payload.put_u8(NUL);
            }
            Self::Error { code, .. } => payload.put_i16_le(code.0),
            Self::Notification { .. } | Self::Reply { .. } => {}
        }
        payload.put_slice(rest);
        Ok(payload.freeze())
    }
}

/// Why a call failed; applications use any number that has no name here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is the number and nothing more"
)]
pub struct RpcCode(pub i16);

impl RpcCode {
    /// The parameters cannot be read.
    pub const PARSE: Self = Self(-32_700);
    /// The question makes no sense.
    pub const INVALID_REQUEST: Self = Self(-32_600);
    /// No such method.
    pub const METHOD_NOT_FOUND: Self = Self(-32_601);
    /// The parameters are wrong.
    pub const INVALID_PARAMS: Self = Self(-32_602);
    /// The callee failed.
    pub const INTERNAL: Self = Self(-32_603);
    /// No such cursor.
    pub const NOT_FOUND: Self = Self(-32_001);

    /// What a caller is told when the broker did not take its question or the way back failed.
    pub fn from_status(status: Status) -> Self {
        Self(STATUS_BASE.saturating_sub(status.number().into()))
    }

    /// The status that it was made of, if it was.
    ///
    /// [`NOT_FOUND`](Self::NOT_FOUND) has the place of [`Status::Ok`], which is no failure.
    pub fn status(self) -> Option<Status> {
        let number = u8::try_from(STATUS_BASE.checked_sub(self.0)?).ok()?;
        (number > Status::Ok.number()).then(|| Status::from_number(number))
    }
}

impl fmt::Display for RpcCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Reads what follows the kind; that it holds an id was checked.
fn read_request(mut rest: Bytes) -> Result<Rpc, BusrtRpcError> {
    let id = rest.get_u32_le();
    let end = rest.iter().position(|byte| *byte == NUL);
    let method = rest.split_to(end.ok_or(BusrtRpcError::Method)?);
    rest.advance(1);
    let params = rest;
    Ok(Rpc::Request { id, method, params })
}

const NOTIFICATION: u8 = 0x00;
const REQUEST: u8 = 0x01;
const REPLY: u8 = 0x11;
const ERROR: u8 = 0x12;
const NUL: u8 = 0;
const KIND_BYTES: usize = 1;
const ID_BYTES: usize = 4;
const CODE_BYTES: usize = 2;
const LIKELY_PREFIX_BYTES: usize = 32;
/// Codes of statuses go down from here.
const STATUS_BASE: i16 = -32_000;
