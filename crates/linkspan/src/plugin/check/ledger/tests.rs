//! Frames of plugins that break rules, and those that do not.

use bytes::Bytes;
use proto::StreamId;
use proto::message::{Chunk, Event, Request};

use super::*;

/// A session with one request of this side's, on stream 1.
struct Session {
    ledger: Ledger,
    next_id: u64,
}

impl Session {
    fn new() -> Self {
        let mut limits = Limits::default();
        limits.max_frame_bytes = 16_384;
        limits.stream_credit = 16_384;
        limits.connection_credit = 49_152;
        let mut ledger = Ledger::new(limits, true);
        ledger.note_opened(1);
        Self { ledger, next_id: 2 }
    }

    /// What the next frame breaks.
    fn breaks(&mut self, stream: u64, flags: Flags, message: Message) -> Vec<Rule> {
        let frame = Frame::new(self.next_id, StreamId::new(stream), flags, message);
        self.next_id += 1;
        let broken = self.ledger.broken_by(&frame);
        broken.into_iter().map(|(rule, _)| rule).collect()
    }
}

fn response(status: Status, bytes: usize) -> Message {
    Message::Response(Response::new(status, Bytes::from(vec![0; bytes])))
}

fn chunk(number: u64, bytes: usize) -> Message {
    Message::Chunk(Chunk::new(number, Bytes::from(vec![0; bytes])))
}

#[test]
fn answers_and_items_break_nothing() {
    let mut session = Session::new();
    assert_eq!(session.breaks(1, Flags::NONE, response(Status::Ok, 0)), []);
    assert_eq!(session.breaks(1, Flags::CONTINUED, chunk(0, 10)), []);
    assert_eq!(session.breaks(1, Flags::NONE, chunk(1, 10)), []);
    assert_eq!(
        session.breaks(1, Flags::NONE, response(Status::Error, 3)),
        []
    );
    assert_eq!(session.breaks(1, Flags::END, chunk(2, 1)), []);
    let request = || Message::Request(Request::new("host.name", Bytes::new()));
    assert_eq!(session.breaks(2, Flags::END, request()), []);
    assert_eq!(session.breaks(4, Flags::NONE, request()), []);
    assert_eq!(session.breaks(4, Flags::NONE, Message::End), []);
}

#[test]
fn a_second_answer_breaks_the_rules_of_streams() {
    let mut session = Session::new();
    assert_eq!(session.breaks(1, Flags::END, response(Status::Ok, 1)), []);
    let again = session.breaks(1, Flags::END, response(Status::Ok, 1));
    assert_eq!(again, [Rule::Streams]);
    assert_eq!(
        session.breaks(1, Flags::NONE, Message::End),
        [Rule::Streams]
    );
}

#[test]
fn frames_out_of_their_place_break_the_rules_of_streams() {
    for (stream, message) in [
        (1, chunk(0, 1)),
        (1, Message::End),
        (3, response(Status::Ok, 0)),
        (2, response(Status::Ok, 0)),
        (2, chunk(0, 1)),
        (3, Message::Request(Request::new("a.b", Bytes::new()))),
        (0, Message::Request(Request::new("a.b", Bytes::new()))),
        (
            5,
            Message::Event(Event::new("linkspan.progress", 0, Bytes::new())),
        ),
    ] {
        let mut session = Session::new();
        let broken = session.breaks(stream, Flags::NONE, message.clone());
        assert_eq!(broken, [Rule::Streams], "{message:?} on {stream}");
    }
    let mut session = Session::new();
    session.breaks(1, Flags::NONE, response(Status::Ok, 0));
    assert_eq!(session.breaks(1, Flags::NONE, chunk(1, 1)), [Rule::Streams]);
}

#[test]
fn what_was_on_its_way_when_a_stream_was_given_up_breaks_nothing() {
    let mut session = Session::new();
    session.ledger.note_given_up(1);
    assert_eq!(session.breaks(1, Flags::NONE, response(Status::Ok, 0)), []);
    assert_eq!(session.breaks(1, Flags::END, chunk(0, 1)), []);
    assert!(!session.ledger.is_open(1));
}

#[test]
fn more_than_the_credit_is_noticed_on_streams_and_connection() {
    let mut session = Session::new();
    session.breaks(1, Flags::NONE, response(Status::Ok, 16_000));
    assert_eq!(
        session.breaks(1, Flags::NONE, chunk(0, 385)),
        [Rule::Credit]
    );

    let mut session = Session::new();
    for stream in [1, 3, 5] {
        session.ledger.note_opened(stream);
        assert_eq!(
            session.breaks(stream, Flags::END, response(Status::Ok, 16_384)),
            []
        );
    }
    session.ledger.note_opened(7);
    assert_eq!(
        session.breaks(7, Flags::END, response(Status::Ok, 1)),
        [Rule::Credit]
    );
    session.ledger.note_opened(9);
    session.ledger.note_credit(0, 1);
    assert_eq!(session.breaks(9, Flags::END, response(Status::Ok, 1)), []);
}

#[test]
fn the_reserve_is_for_answers() {
    let mut session = Session::new();
    let event = |bytes| {
        let body = Bytes::from(vec![0; bytes]);
        Message::Event(Event::new("a", 0, body))
    };
    assert_eq!(session.breaks(0, Flags::NONE, event(16_381)), []);
    assert_eq!(session.breaks(0, Flags::NONE, event(0)), [Rule::Credit]);
    assert_eq!(session.breaks(1, Flags::END, response(Status::Ok, 100)), []);
}

#[test]
fn numbers_and_flags_are_looked_at() {
    let mut session = Session::new();
    session.next_id = 3;
    assert_eq!(
        session.breaks(1, Flags::END, response(Status::Ok, 0)),
        [Rule::Numbers]
    );
    let mut session = Session::new();
    let sealed = Flags::END.with(Flags::SEALED);
    assert_eq!(
        session.breaks(1, sealed, response(Status::Ok, 0)),
        [Rule::Flags]
    );
    let mut session = Session::new();
    session.ledger.has_continued = false;
    assert_eq!(
        session.breaks(1, Flags::CONTINUED, response(Status::Ok, 0)),
        [Rule::Flags]
    );
}
