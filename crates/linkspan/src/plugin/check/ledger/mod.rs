//! What every frame of a plugin has to keep to, whatever is being tried out.

use std::collections::BTreeMap;

use proto::Limits;
use proto::frame::{Flags, Frame, HEADER_BYTES, TRAILER_BYTES};
use proto::message::{Message, Response, Status};

/// Keeps the books on a session: numbers, streams and credit, as they are by what this side sent.
///
/// The plugin may know less credit than there is here, never more: what is on its way to it counts.
#[derive(Debug)]
pub(super) struct Ledger {
    has_continued: bool,
    reserve: u64,
    stream_credit: u64,
    /// Number of the last frame that came.
    last_id: u64,
    credit: u64,
    ways: BTreeMap<u64, Way>,
    last_opened: u64,
}

/// The plugin's direction of a stream.
#[derive(Debug)]
struct Way {
    credit: u64,
    next_chunk: u64,
    stage: Stage,
    /// This side has closed the stream, and what comes may have been sent before it was known.
    is_given_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The answer is to come.
    Awaited,
    /// Data may come.
    Open,
    /// The method's error came after data.
    Failed,
    Ended,
}

/// A rule that a frame broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Bytes,
    Numbers,
    Flags,
    Streams,
    Credit,
    Events,
}

impl Ledger {
    /// Begins after the choice, the first frame of the plugin.
    pub(super) fn new(limits: Limits, has_continued: bool) -> Self {
        Self {
            has_continued,
            reserve: limits.reserve_bytes(),
            stream_credit: limits.stream_credit,
            last_id: 1,
            credit: limits.connection_credit,
            ways: BTreeMap::new(),
            last_opened: 0,
        }
    }

    /// Notes a request of this side's.
    pub(super) fn note_opened(&mut self, stream: u64) {
        self.ways.insert(stream, self.way(Stage::Awaited));
    }

    /// Notes that this side has closed a stream.
    pub(super) fn note_given_up(&mut self, stream: u64) {
        if let Some(way) = self.ways.get_mut(&stream) {
            way.is_given_up = true;
        }
    }

    /// Notes credit that was given.
    pub(super) fn note_credit(&mut self, stream: u64, bytes: u64) {
        if stream == 0 {
            self.credit = self.credit.saturating_add(bytes);
        } else if let Some(way) = self.ways.get_mut(&stream) {
            way.credit = way.credit.saturating_add(bytes);
        }
    }

    /// Whether more may come on a stream.
    pub(super) fn is_open(&self, stream: u64) -> bool {
        let way = self.ways.get(&stream);
        way.is_some_and(|way| way.stage != Stage::Ended && !way.is_given_up)
    }

    /// The rules that a frame breaks, with what it did.
    pub(super) fn broken_by(&mut self, frame: &Frame) -> Vec<(Rule, String)> {
        let mut broken = Vec::new();
        let expected = self.last_id.saturating_add(1);
        if frame.id != expected {
            let text = format!("frame {} came where frame {expected} was to come", frame.id);
            broken.push((Rule::Numbers, text));
        }
        self.last_id = frame.id;
        broken.extend(self.flags(frame).map(|text| (Rule::Flags, text)));
        broken.extend(self.credit(frame).map(|text| (Rule::Credit, text)));
        broken.extend(self.place(frame).map(|text| (Rule::Streams, text)));
        broken
    }

    fn flags(&self, frame: &Frame) -> Option<String> {
        let continued = Flags::CONTINUED.when(self.has_continued);
        let agreed = Flags::END.with(Flags::METADATA).with(continued);
        let surplus = frame.flags.without(agreed);
        (!surplus.is_empty()).then(|| format!("{} has the flags {surplus:?}", named(frame)))
    }

    fn credit(&mut self, frame: &Frame) -> Option<String> {
        let cost = cost_bytes(frame);
        let (stream, left) = (frame.stream.get(), self.credit);
        self.credit = left.saturating_sub(cost);
        if cost > left {
            let on = "of the connection are left";
            return Some(format!(
                "{} costs {cost} bytes where {left} {on}",
                named(frame)
            ));
        }
        let waits = matches!(frame.message, Message::Chunk(_) | Message::Event(_));
        if waits && self.credit < self.reserve {
            let reserve = self.reserve;
            let text =
                format!("takes {cost} of {left} bytes, of which {reserve} are kept for answers");
            return Some(format!("{} {text}", named(frame)));
        }
        let way = self.ways.get_mut(&stream)?;
        let left = way.credit;
        way.credit = left.saturating_sub(cost);
        let text = || {
            format!(
                "{} costs {cost} bytes where {left} of the stream are left",
                named(frame)
            )
        };
        (cost > left).then(text)
    }

    fn place(&mut self, frame: &Frame) -> Option<String> {
        let stream = frame.stream.get();
        let ends = frame.flags.contains(Flags::END);
        match &frame.message {
            Message::Request(_) => self.open(frame, ends),
            Message::Response(response) => self.answer(frame, response, ends),
            Message::Chunk(chunk) => self.chunk(frame, chunk.number, ends),
            Message::End => self.advance(frame, &[Stage::Open, Stage::Failed], Stage::Ended),
            Message::Error(_) if stream != 0 => {
                let open = [Stage::Awaited, Stage::Open, Stage::Failed];
                self.advance(frame, &open, Stage::Ended)
            }
            Message::Event(_) if stream != 0 && !self.is_open(stream) => {
                let is_given_up = self.ways.get(&stream).is_some_and(|way| way.is_given_up);
                (!is_given_up).then(|| format!("{}, which is not open", named(frame)))
            }
            Message::Cancel(_) | Message::Credit(_) if stream != 0 => {
                let is_known = self.ways.contains_key(&stream);
                (!is_known).then(|| format!("{}, which was never opened", named(frame)))
            }
            Message::Heartbeat(_) | Message::Goodbye(_) if stream != 0 => Some(named(frame)),
            Message::Handshake(_) => Some("a handshake after the opening".to_owned()),
            Message::Cancel(_) => Some(named(frame)),
            _ => None,
        }
    }

    fn open(&mut self, frame: &Frame, ends: bool) -> Option<String> {
        let (stream, last) = (frame.stream.get(), self.last_opened);
        if stream == 0 || !stream.is_multiple_of(2) || stream <= last {
            return Some(format!("a request on stream {stream} after stream {last}"));
        }
        self.last_opened = stream;
        let stage = if ends { Stage::Ended } else { Stage::Open };
        self.ways.insert(stream, self.way(stage));
        None
    }

    fn answer(&mut self, frame: &Frame, response: &Response, ends: bool) -> Option<String> {
        if frame.stream.get().is_multiple_of(2) {
            return Some(format!("{}, which the plugin opened itself", named(frame)));
        }
        let next = if ends { Stage::Ended } else { Stage::Open };
        match response.status {
            Status::Error if self.stage(frame) == Some(Stage::Open) => {
                let next = if ends { Stage::Ended } else { Stage::Failed };
                self.advance(frame, &[Stage::Open], next)
            }
            _ => self.advance(frame, &[Stage::Awaited], next),
        }
    }

    fn chunk(&mut self, frame: &Frame, number: u64, ends: bool) -> Option<String> {
        let stage = self.stage(frame).filter(|stage| *stage == Stage::Failed);
        let next = if ends {
            Stage::Ended
        } else {
            stage.unwrap_or(Stage::Open)
        };
        let problem = self.advance(frame, &[Stage::Open, Stage::Failed], next);
        if problem.is_some() {
            return problem;
        }
        let way = self.ways.get_mut(&frame.stream.get())?;
        let expected = way.next_chunk;
        way.next_chunk = number.saturating_add(1);
        let order = || format!("chunk {number} came where chunk {expected} was to come");
        (number != expected).then(order)
    }

    fn stage(&self, frame: &Frame) -> Option<Stage> {
        Some(self.ways.get(&frame.stream.get())?.stage)
    }

    /// Moves a stream on by a frame, which can come in some of its stages alone.
    fn advance(&mut self, frame: &Frame, from: &[Stage], next: Stage) -> Option<String> {
        let Some(way) = self.ways.get_mut(&frame.stream.get()) else {
            return Some(format!("{}, which was never opened", named(frame)));
        };
        let stage = std::mem::replace(&mut way.stage, next);
        if from.contains(&stage) || way.is_given_up {
            return None;
        }
        way.stage = stage;
        let why = match stage {
            Stage::Awaited => "before its response",
            Stage::Open | Stage::Failed => "after its response",
            Stage::Ended => "whose direction from the plugin has ended",
        };
        Some(format!("{} {why}", named(frame)))
    }

    fn way(&self, stage: Stage) -> Way {
        Way {
            credit: self.stream_credit,
            next_chunk: 0,
            stage,
            is_given_up: false,
        }
    }
}

/// Credit that a frame costs (docs/protocol.md, section 6.1).
pub(super) fn cost_bytes(frame: &Frame) -> u64 {
    let around = HEADER_BYTES.saturating_add(TRAILER_BYTES);
    let around = u64::try_from(around).unwrap_or(u64::MAX);
    let payload = frame.wire_bytes().saturating_sub(around);
    match frame.message {
        Message::Request(_) | Message::Response(_) | Message::Event(_) => payload,
        Message::Chunk(_) => payload.max(1),
        _ => 0,
    }
}

/// A frame, for people.
pub(super) fn named(frame: &Frame) -> String {
    let article = match frame.message {
        Message::Event(_) | Message::Error(_) | Message::End | Message::Unknown(_) => "an",
        _ => "a",
    };
    let name = frame.message.name();
    match frame.stream.get() {
        0 => format!("{article} {name} on the connection"),
        stream => format!("{article} {name} on stream {stream}"),
    }
}

#[cfg(test)]
mod tests;
