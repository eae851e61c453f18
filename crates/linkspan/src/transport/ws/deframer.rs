//! Bytes out of the frames in which they come.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::transport::ws::Role;
use crate::transport::ws::error::Violation;
use crate::transport::ws::mask::Mask;

/// Takes frames of a peer apart, as they come.
#[derive(Debug)]
pub(super) struct Deframer {
    /// Whose frames they are.
    peer: Role,
    /// The beginning of a header of which more is to come.
    head: [u8; MAX_HEADER_BYTES],
    head_bytes: usize,
    inside: Inside,
    /// Whether a message goes on with the next data frame.
    is_continued: bool,
}

/// Where in the peer's frames it is.
#[derive(Debug)]
enum Inside {
    Nothing,
    Data {
        left: u64,
        mask: Option<Mask>,
    },
    Control {
        kind: Control,
        left: u64,
        mask: Option<Mask>,
        payload: Vec<u8>,
    },
}

/// What was in some bytes of a peer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deframed {
    /// So many bytes of messages are at the front now.
    pub(super) bytes: usize,
    /// The last ping, which is to be answered.
    pub(super) ping: Option<Vec<u8>>,
    /// The peer sends nothing more; nothing after this was looked at.
    pub(super) close: Option<Close>,
}

/// Why a peer sends nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl Close {
    /// Whether the peer just was done.
    pub(super) fn is_normal(&self) -> bool {
        let code = self.code.map(CloseCode::from);
        matches!(code, None | Some(CloseCode::Normal | CloseCode::Away))
    }
}

impl Deframer {
    pub(super) fn new(peer: Role) -> Self {
        Self {
            peer,
            head: [0; MAX_HEADER_BYTES],
            head_bytes: 0,
            inside: Inside::Nothing,
            is_continued: false,
        }
    }

    /// Whether a frame has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.head_bytes > 0 || !matches!(self.inside, Inside::Nothing)
    }

    /// Takes out of bytes what is not of messages, and moves what is to their front.
    pub(super) fn deframe(&mut self, bytes: &mut [u8]) -> Result<Deframed, Violation> {
        let mut found = Deframed::default();
        let mut at = 0;
        while at < bytes.len() && found.close.is_none() {
            let rest = bytes.get_mut(at..).unwrap_or_default();
            let taken = match &mut self.inside {
                Inside::Nothing => self.begin(rest)?,
                Inside::Data { left, mask } => {
                    let taken = uncover(left, mask, rest);
                    bytes.copy_within(at..at + taken, found.bytes);
                    found.bytes += taken;
                    taken
                }
                Inside::Control {
                    left,
                    mask,
                    payload,
                    ..
                } => {
                    let taken = uncover(left, mask, rest);
                    payload.extend_from_slice(rest.get(..taken).unwrap_or_default());
                    taken
                }
            };
            at += taken;
            self.end(&mut found)?;
        }
        Ok(found)
    }

    /// Takes the header of a frame, or as much of it as is there.
    fn begin(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let before = self.head_bytes;
        let space = self.head.get_mut(before..).unwrap_or_default();
        let count = space.len().min(bytes.len());
        for (to, from) in space.iter_mut().zip(bytes) {
            *to = *from;
        }
        let mut known = Cursor::new(self.head.get(..before + count).unwrap_or_default());
        let parsed = FrameHeader::parse(&mut known).map_err(|_| Violation::Kind)?;
        let Some((header, length)) = parsed else {
            self.head_bytes = before + count;
            return Ok(count);
        };
        let header_bytes = usize::try_from(known.position()).unwrap_or(before);
        self.head_bytes = 0;
        self.inside = self.enter(&header, length)?;
        Ok(header_bytes.saturating_sub(before))
    }

    fn enter(&mut self, header: &FrameHeader, length: u64) -> Result<Inside, Violation> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::Reserved);
        }
        let mask = match (self.peer, header.mask) {
            (Role::Client, None) => return Err(Violation::NotMasked),
            (Role::Server, Some(_)) => return Err(Violation::Masked),
            (_, key) => key.map(Mask::new),
        };
        match header.opcode {
            OpCode::Data(kind) => {
                self.check_order(kind)?;
                self.is_continued = !header.is_final;
                match i64::try_from(length) {
                    Ok(_) => Ok(Inside::Data { left: length, mask }),
                    Err(_) => Err(Violation::LongFrame { bytes: length }),
                }
            }
            OpCode::Control(_) if !header.is_final => Err(Violation::ControlInPieces),
            OpCode::Control(_) if length > MAX_CONTROL_BYTES => Err(Violation::LongControl {
                bytes: length,
                limit: MAX_CONTROL_BYTES,
            }),
            OpCode::Control(kind) => Ok(Inside::Control {
                kind,
                left: length,
                mask,
                payload: Vec::new(),
            }),
        }
    }

    fn check_order(&self, kind: Data) -> Result<(), Violation> {
        match (kind, self.is_continued) {
            (Data::Text, _) => Err(Violation::Text),
            (Data::Binary, true) => Err(Violation::NotContinued),
            (Data::Continue, false) => Err(Violation::NothingToContinue),
            (Data::Reserved(_), _) => Err(Violation::Kind),
            (Data::Binary, false) | (Data::Continue, true) => Ok(()),
        }
    }

    /// Leaves a frame of which nothing is left.
    fn end(&mut self, found: &mut Deframed) -> Result<(), Violation> {
        match &mut self.inside {
            Inside::Data { left: 0, .. } => {}
            Inside::Control {
                kind,
                left: 0,
                payload,
                ..
            } => match kind {
                Control::Ping => found.ping = Some(std::mem::take(payload)),
                Control::Close => found.close = Some(close(payload)?),
                Control::Pong => {}
                Control::Reserved(_) => return Err(Violation::Kind),
            },
            _ => return Ok(()),
        }
        self.inside = Inside::Nothing;
        Ok(())
    }
}

/// Takes the disguise off what is there of a payload; says how much that is.
fn uncover(left: &mut u64, mask: &mut Option<Mask>, bytes: &mut [u8]) -> usize {
    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    if let Some(mask) = mask {
        mask.apply(bytes.get_mut(..taken).unwrap_or_default());
    }
    *left -= taken as u64;
    taken
}

fn close(payload: &[u8]) -> Result<Close, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Ok(Close {
                code: None,
                reason: String::new(),
            }),
            _ => Err(Violation::CloseCode),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !CloseCode::from(code).is_allowed() {
        return Err(Violation::CloseCode);
    }
    Ok(Close {
        code: Some(code),
        reason: String::from_utf8_lossy(reason).into_owned(),
    })
}

/// Two bytes, eight of length, four of mask.
const MAX_HEADER_BYTES: usize = 14;
const MAX_CONTROL_BYTES: u64 = 125;
