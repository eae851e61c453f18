//! One honest side, and a peer that sends whatever it likes.

use std::collections::BTreeMap;
use std::time::Instant;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::{Buf, BytesMut};
use proto::error::SessionError;
use proto::frame::{HEADER_BYTES, Kind, TRAILER_BYTES};
use proto::message::Message;
use proto::{Decoder, Role};

use crate::fuzz::session::attack::{Attack, payload};
use crate::fuzz::session::endpoint::Endpoint;
use crate::fuzz::session::op::{Act, Length, Settings, Side, tenths};
use crate::fuzz::session::open;
use crate::fuzz::wire::RawHeader;

/// Lets a peer send anything to a side that does anything.
///
/// # Errors
///
/// The input says nothing more.
pub(super) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let side: Side = input.arbitrary()?;
    let mut siege = Siege::new(side.role(), input.arbitrary()?, input.arbitrary()?);
    while !input.is_empty() {
        let Ok(turn) = input.arbitrary() else { break };
        if let Err(error) = siege.happen(turn) {
            siege.end(&error);
            return Ok(());
        }
        siege.end.check();
    }
    siege.said.extend(write_all(&mut siege.end));
    siege.check_said();
    siege.end.lose();
    Ok(())
}

/// What happens next.
#[derive(Debug, Arbitrary)]
enum Turn {
    /// The program does something.
    Act(Act),
    /// The peer sends a frame.
    Frame(Attack),
    /// The transport writes.
    Write(Length),
    /// Time passes.
    Wait { tenths: u8 },
}

struct Siege {
    end: Endpoint,
    now: Instant,
    /// Number of the next frame of the peer's.
    next_id: u64,
    /// The stream that the peer opens next.
    next_stream: u64,
    next_chunks: BTreeMap<u64, u64>,
    /// Credit that the peer gave on the connection beyond the first.
    granted: u64,
    /// All that the side has written.
    said: Vec<u8>,
}

impl Siege {
    fn new(role: Role, here: Settings, there: Settings) -> Self {
        let now = Instant::now();
        let (config, peer) = (here.config(), there.config());
        let agreement = match role {
            Role::Client => open(&config, &peer).into_iter().next(),
            Role::Server => open(&peer, &config).into_iter().next_back(),
        };
        let agreement = agreement.expect("two sides agree");
        Self {
            end: Endpoint::new(now, agreement, &config, false),
            now,
            next_id: 2,
            next_stream: match role {
                Role::Client => 2,
                Role::Server => 1,
            },
            next_chunks: BTreeMap::new(),
            granted: 0,
            said: Vec::new(),
        }
    }

    fn happen(&mut self, turn: Turn) -> std::result::Result<(), SessionError> {
        match turn {
            Turn::Act(act) => self.end.act(self.now, act),
            Turn::Frame(attack) => {
                let frame = self.frame(&attack);
                self.end.wire.extend_from_slice(&frame);
                self.end.read(self.now, usize::MAX)?;
            }
            Turn::Write(bytes) => {
                let written = self.end.write(bytes.bytes());
                self.said.extend_from_slice(&written);
                self.end.read(self.now, usize::MAX)?;
            }
            Turn::Wait { tenths: count } => {
                self.now += tenths(count);
                self.end.handle_time(self.now)?;
            }
        }
        Ok(())
    }

    /// The session broke: the peer is told why, if it still listens, and no stream is left.
    fn end(&mut self, error: &SessionError) {
        let failure = error.to_failure();
        if let Some(failure) = failure.clone() {
            self.end.send.end_session(failure);
        }
        self.said.extend(write_all(&mut self.end));
        let last = self.check_said();
        if let Some(failure) = failure {
            assert_eq!(last, Some(Message::Error(Box::new(failure))));
        }
        self.end.lose();
    }

    fn frame(&mut self, attack: &Attack) -> Vec<u8> {
        let kind = attack.kind();
        let stream = match Kind::from_byte(kind) {
            Some(Kind::Request) if Attack::fits(attack.stream) => {
                self.next_stream += 2;
                self.next_stream - 2
            }
            Some(Kind::Heartbeat | Kind::Goodbye) if Attack::fits(attack.stream) => 0,
            Some(_) if Attack::fits(attack.stream) => attack.open_stream(&self.end.open),
            _ => u64::from(attack.stream % 16),
        };
        let number = match (attack.number, Kind::from_byte(kind)) {
            (Some(u8::MAX), _) => u64::MAX,
            (Some(number), Some(Kind::Credit)) => u64::from(number) << 8,
            (Some(number), _) => number.into(),
            (None, Some(Kind::Chunk)) => {
                let next = self.next_chunks.entry(stream).or_default();
                *next += 1;
                *next - 1
            }
            (None, _) => 0,
        };
        if kind == Kind::Credit as u8 && stream == 0 {
            self.granted = self.granted.saturating_add(number);
        }
        let id = self.next_id + u64::from(attack.order == 0);
        self.next_id = id + 1;
        let flags = attack.flags(kind);
        let header = RawHeader {
            kind,
            flags,
            id,
            stream,
            number,
        };
        // What is too long is refused by its header alone; the target of frames knows that.
        let most = self.end.agreement.limits().max_frame_bytes as usize - MAX_HEAD_BYTES;
        header.frame(&payload(kind, flags, attack.payload.bytes().min(most)))
    }

    /// Checks that all that was said is frames in their order and within the peer's limits; gives
    /// the last message.
    fn check_said(&self) -> Option<Message> {
        let agreement = &self.end.agreement;
        let limits = agreement.peer_limits;
        let mut decoder = Decoder::new(
            agreement.version,
            agreement.checksum,
            limits.max_frame_bytes,
        );
        let mut rest = BytesMut::from(&self.said[..]);
        let mut last = None;
        let mut spent = 0;
        for id in 2.. {
            let frame = decoder.decode(&mut rest).expect("a session says frames");
            let Some(frame) = frame else { break };
            assert_eq!(frame.id, id);
            if costs_credit(&frame.message) {
                spent += frame.wire_bytes() - OVERHEAD;
            }
            last = Some(frame.message);
        }
        assert_eq!(rest.remaining(), 0, "a session says whole frames");
        let allowed = limits.connection_credit.saturating_add(self.granted);
        assert!(
            spent <= allowed,
            "{spent} bytes were sent, {allowed} allowed"
        );
        last
    }
}

fn costs_credit(message: &Message) -> bool {
    matches!(
        message,
        Message::Request(_) | Message::Response(_) | Message::Event(_) | Message::Chunk(_)
    )
}

fn write_all(end: &mut Endpoint) -> Vec<u8> {
    let mut written = Vec::new();
    loop {
        let piece = end.write(usize::MAX);
        if piece.is_empty() {
            return written;
        }
        written.extend_from_slice(&piece);
    }
}

const OVERHEAD: u64 = (HEADER_BYTES + TRAILER_BYTES) as u64;
/// Longest part of a payload that stands before the body.
const MAX_HEAD_BYTES: usize = 16;
