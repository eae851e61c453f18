//! What can be wrong with a WebSocket, and what the peer is told.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tungstenite::protocol::frame::coding::CloseCode;

/// A client is not let in by HTTP.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("what came is no HTTP request: {0}")]
    NotHttp(tungstenite::Error),
    #[error("the HTTP request does not ask for a WebSocket of version 13: {0}")]
    NoUpgrade(tungstenite::Error),
    #[error("the header of an HTTP message exceeds the limit of {limit} bytes")]
    LongHead { limit: usize },
    #[error("there is nothing at {asked:?}: the WebSocket is at {served:?}")]
    WrongPath { asked: String, served: String },
    #[error("the web page of the origin {origin:?} may not connect")]
    Origin { origin: String },
    #[error("no HTTP request within {limit:?}")]
    Slow { limit: Duration },
    #[error("the connection ended before its HTTP request did")]
    Ended,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Refusal {
    /// The status line of the answer, for a client that is there to be told.
    pub(super) fn status(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotHttp(_) => "400 Bad Request",
            Self::NoUpgrade(_) => "426 Upgrade Required",
            Self::LongHead { .. } => "431 Request Header Fields Too Large",
            Self::WrongPath { .. } => "404 Not Found",
            Self::Origin { .. } => "403 Forbidden",
            Self::Slow { .. } => "408 Request Timeout",
            Self::Ended | Self::Io(_) => return None,
        })
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Io(error) => error,
            refusal => Self::other(refusal),
        }
    }
}

/// A server does not become a WebSocket.
#[derive(Debug, Error)]
pub(super) enum Unfit {
    #[error("what the server answered is no HTTP: {0}")]
    NotHttp(tungstenite::Error),
    #[error("the header of an HTTP message exceeds the limit of {limit} bytes")]
    LongHead { limit: usize },
    #[error("the server answered {status}{}", after_colon(.said))]
    Refused { status: String, said: String },
    #[error("the server's answer has no right {header}")]
    Header { header: &'static str },
    #[error("the server closed the connection instead of answering")]
    Ended,
    #[error("the request cannot be made")]
    Request(#[source] tungstenite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Io(error) => error,
            unfit => Self::other(unfit),
        }
    }
}

fn after_colon(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {said}"),
    }
}

/// A peer broke the rules of WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Violation {
    #[error("a text message came, and only binary ones are understood")]
    Text,
    #[error("a frame of an unknown kind came")]
    Kind,
    #[error("a frame has reserved bits set, and no extension was agreed on")]
    Reserved,
    #[error("a client's frame is not masked")]
    NotMasked,
    #[error("a server's frame is masked")]
    Masked,
    #[error("a frame continues no message")]
    NothingToContinue,
    #[error("a message begins inside another one")]
    NotContinued,
    #[error("a control frame of {bytes} bytes exceeds the limit of {limit} bytes")]
    LongControl { bytes: u64, limit: u64 },
    #[error("a control frame is in pieces")]
    ControlInPieces,
    #[error("a frame of {bytes} bytes exceeds the limit of {} bytes", i64::MAX)]
    LongFrame { bytes: u64 },
    #[error("a close frame has no code that may be sent")]
    CloseCode,
}

impl Violation {
    /// What the peer is told.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Text => CloseCode::Unsupported.into(),
            Self::LongFrame { .. } => CloseCode::Size.into(),
            _ => CloseCode::Protocol.into(),
        }
    }
}

impl From<Violation> for io::Error {
    fn from(violation: Violation) -> Self {
        Self::new(io::ErrorKind::InvalidData, violation)
    }
}
