//! What a peer must not do, and what is told to it then.

use bytes::Bytes;
use linkspan_proto::error::{Code, SendError, SessionError};
use linkspan_proto::frame::{Flags, Frame, Kind};
use linkspan_proto::message::{
    Cancel, CancelReason, Chunk, Credit, Event, Goodbye, Heartbeat, Message, Metadata, Request,
    Response, Status,
};
use linkspan_proto::session::EndError;
use linkspan_proto::{Config, Role, StreamId};
use linkspan_test::script::Script;
use linkspan_test::sim::Pair;

fn request() -> Message {
    Message::Request(Request::new("m", Bytes::new()))
}

fn response() -> Message {
    Message::Response(Response::new(Status::Ok, Bytes::new()))
}

fn chunk(number: u64, bytes: usize) -> Message {
    Message::Chunk(Chunk::new(number, vec![0; bytes].into()))
}

fn server() -> Script {
    Script::new(Role::Server, Config::default())
}

/// A client under test that has opened stream 1.
fn client() -> Script {
    let mut script = Script::new(Role::Client, Config::default());
    let now = script.now();
    script
        .session()
        .send()
        .unwrap()
        .open(now, Request::new("m", Bytes::new()), false)
        .unwrap();
    script
}

#[track_caller]
fn expect(
    mut script: Script,
    steps: Vec<(u64, Flags, Message)>,
    expected: SessionError,
    code: Code,
) {
    let mut steps = steps.into_iter();
    let last = steps.next_back().unwrap();
    for (stream, flags, message) in steps {
        script
            .send(stream, flags, message)
            .expect("only the last step is wrong");
    }
    script.receive();
    let error = script.send(last.0, last.1, last.2).unwrap_err();
    assert_eq!(error, EndError::Session(expected));
    let told = script.receive().pop().expect("the peer is told");
    let Message::Error(failure) = told.message else {
        panic!("{told:?}")
    };
    assert_eq!((told.stream, failure.code), (StreamId::CONNECTION, code));
    assert_eq!(failure.message, error.to_string());
}

#[test]
fn frames_that_are_lost_or_doubled() {
    for found in [0, 1, 3, u64::MAX] {
        let mut script = server();
        let frame = Frame::new(found, StreamId::new(1), Flags::END, request());
        let error = script.send_frame(&frame).unwrap_err();
        assert_eq!(
            error,
            EndError::Session(SessionError::Order { expected: 2, found })
        );
    }
}

#[test]
fn streams_that_are_not_the_peers_to_open() {
    for stream in [0, 2, 4] {
        let expected = SessionError::Opening {
            stream: StreamId::new(stream),
            last: StreamId::CONNECTION,
        };
        expect(
            server(),
            vec![(stream, Flags::END, request())],
            expected,
            Code::OUT_OF_ORDER,
        );
    }
}

#[test]
fn streams_that_are_opened_twice_or_backwards() {
    for again in [1, 3] {
        let expected = SessionError::Opening {
            stream: StreamId::new(again),
            last: StreamId::new(3),
        };
        let steps = vec![(3, Flags::END, request()), (again, Flags::END, request())];
        expect(server(), steps, expected, Code::OUT_OF_ORDER);
    }
}

#[test]
fn frames_for_streams_that_nobody_opened() {
    type Make = fn() -> Message;
    let kinds: [(Make, Kind); 4] = [
        (|| chunk(0, 1), Kind::Chunk),
        (|| Message::End, Kind::End),
        (
            || Message::Cancel(Cancel::new(CancelReason::Dropped)),
            Kind::Cancel,
        ),
        (|| Message::Credit(Credit::new(1)), Kind::Credit),
    ];
    for (make, kind) in kinds {
        for stream in [1, 2] {
            let expected = SessionError::NeverOpened {
                kind,
                stream: StreamId::new(stream),
            };
            expect(
                server(),
                vec![(stream, Flags::NONE, make())],
                expected,
                Code::OUT_OF_ORDER,
            );
        }
    }
}

#[test]
fn kinds_where_they_make_no_sense() {
    let misplaced = |kind, stream| SessionError::Misplaced {
        kind,
        stream: StreamId::new(stream),
    };
    let cases = [
        (vec![(0, Flags::NONE, chunk(0, 1))], Kind::Chunk, 0),
        (vec![(0, Flags::NONE, Message::End)], Kind::End, 0),
        (
            vec![(1, Flags::END, request()), (1, Flags::END, response())],
            Kind::Response,
            1,
        ),
        (
            vec![
                (1, Flags::END, request()),
                (1, Flags::NONE, Message::Heartbeat(Heartbeat::Ask)),
            ],
            Kind::Heartbeat,
            1,
        ),
        (
            vec![
                (1, Flags::END, request()),
                (
                    1,
                    Flags::NONE,
                    Message::Goodbye(Goodbye::new(StreamId::new(1), "x")),
                ),
            ],
            Kind::Goodbye,
            1,
        ),
    ];
    for (steps, kind, stream) in cases {
        expect(server(), steps, misplaced(kind, stream), Code::OUT_OF_ORDER);
    }
    // Data and an end before the answer, and a second answer.
    expect(
        client(),
        vec![(1, Flags::NONE, chunk(0, 1))],
        misplaced(Kind::Chunk, 1),
        Code::OUT_OF_ORDER,
    );
    expect(
        client(),
        vec![(1, Flags::NONE, Message::End)],
        misplaced(Kind::End, 1),
        Code::OUT_OF_ORDER,
    );
    let twice = vec![(1, Flags::NONE, response()), (1, Flags::NONE, response())];
    expect(
        client(),
        twice,
        misplaced(Kind::Response, 1),
        Code::OUT_OF_ORDER,
    );
}

#[test]
fn data_after_the_end_of_its_direction() {
    let after = |kind| SessionError::AfterEnd {
        kind,
        stream: StreamId::new(1),
    };
    let open = || (1, Flags::NONE, request());
    let end = || (1, Flags::NONE, Message::End);
    expect(
        server(),
        vec![open(), end(), end()],
        after(Kind::End),
        Code::OUT_OF_ORDER,
    );
    let more = (1, Flags::NONE, chunk(0, 1));
    expect(
        server(),
        vec![open(), end(), more],
        after(Kind::Chunk),
        Code::OUT_OF_ORDER,
    );
}

#[test]
fn chunks_out_of_order() {
    for found in [0, 2, 7] {
        let expected = SessionError::ChunkOrder {
            stream: StreamId::new(1),
            expected: 1,
            found,
        };
        let steps = vec![
            (1, Flags::NONE, request()),
            (1, Flags::NONE, chunk(0, 1)),
            (1, Flags::NONE, chunk(found, 1)),
        ];
        expect(server(), steps, expected, Code::OUT_OF_ORDER);
    }
}

#[test]
fn more_than_the_credit() {
    let mut steps = vec![(1, Flags::NONE, request())];
    steps.extend((0..16).map(|number| (1, Flags::NONE, chunk(number, 64 * 1024))));
    // 1 MiB of stream credit, of which the request's three bytes of payload took three.
    let expected = SessionError::CreditExceeded {
        stream: StreamId::new(1),
        bytes: 64 * 1024,
        credit: 64 * 1024 - 3,
    };
    expect(server(), steps, expected, Code::OVERFLOW);
}

#[test]
fn more_than_the_connections_credit() {
    let mut config = Config::default();
    config.limits.connection_credit = 4 * 1024 * 1024;
    let mut steps = Vec::new();
    for index in 0..5 {
        let stream = 2 * index + 1;
        steps.push((stream, Flags::NONE, request()));
        steps.extend((0..15).map(|number| (stream, Flags::NONE, chunk(number, 64 * 1024))));
    }
    let mut script = Script::new(Role::Server, config);
    let error = steps
        .into_iter()
        .find_map(|(stream, flags, message)| script.send(stream, flags, message).err())
        .expect("4.6 MiB are more than 4 MiB");
    assert!(
        matches!(error, EndError::Session(SessionError::CreditExceeded { stream, .. })
        if stream == StreamId::CONNECTION)
    );
}

#[test]
fn credit_that_cannot_be_counted() {
    for stream in [0, 1] {
        let expected = SessionError::CreditOverflow {
            stream: StreamId::new(stream),
        };
        let steps = vec![
            (1, Flags::NONE, request()),
            (stream, Flags::NONE, Message::Credit(Credit::new(u64::MAX))),
        ];
        expect(server(), steps, expected, Code::OVERFLOW);
    }
}

#[test]
fn streams_at_below_and_above_the_limit() {
    let mut config = Config::default();
    config.limits.max_streams = 10;
    let mut script = Script::new(Role::Server, config);
    for index in 0..10 {
        script.send(2 * index + 1, Flags::END, request()).unwrap();
    }
    let error = script.send(21, Flags::END, request()).unwrap_err();
    assert_eq!(
        error,
        EndError::Session(SessionError::TooManyStreams { limit: 10 })
    );
    assert_eq!(
        error.to_string(),
        "the peer opened more than 10 streams at once"
    );
}

#[test]
fn wrappings_that_were_not_agreed() {
    for flags in [Flags::LZ4, Flags::ZSTD] {
        let expected = SessionError::NotAgreed { flags };
        expect(
            server(),
            vec![(1, flags, request())],
            expected,
            Code::BAD_FRAME,
        );
    }
}

#[test]
fn late_frames_for_closed_streams_are_ignored_and_given_back() {
    let mut script = client();
    script
        .session()
        .send()
        .unwrap()
        .cancel(StreamId::new(1), CancelReason::Dropped);
    script.send(1, Flags::NONE, response()).unwrap();
    for number in 0..16 {
        script
            .send(1, Flags::NONE, chunk(number, 64 * 1024))
            .unwrap();
    }
    script.send(1, Flags::NONE, Message::End).unwrap();
}

#[test]
fn unknown_kinds_from_128_on_are_ignored_wherever_they_stand() {
    let mut script = server();
    for (stream, kind) in [(0, 128), (1, 200), (2, 255)] {
        script
            .send(stream, Flags::NONE, Message::Unknown(kind))
            .unwrap();
    }
    script.send(1, Flags::END, request()).unwrap();
}

#[test]
fn unknown_kinds_below_128_end_the_session_by_name() {
    for kind in [0, 12, 127] {
        let error = server()
            .send(0, Flags::NONE, Message::Unknown(kind))
            .unwrap_err();
        assert_eq!(error.to_string(), format!("unknown frame kind {kind}"));
    }
}

#[test]
fn an_event_for_nobody_costs_only_credit() {
    let mut script = server();
    let event = Message::Event(Event::new("t", 0, Bytes::new()));
    script.send(0, Flags::NONE, event).unwrap();
}

#[test]
fn nothing_follows_what_a_peer_is_told_at_the_end() {
    let mut script = server();
    script.send(1, Flags::END, request()).unwrap();
    let body = Bytes::from(vec![0; 500_000]);
    let send = script.session().send().unwrap();
    send.respond(StreamId::new(1), Response::new(Status::Ok, body), true)
        .unwrap();
    script.send(0, Flags::NONE, Message::End).unwrap_err();
    let told = script.receive().pop().expect("the peer is told");
    assert!(matches!(told.message, Message::Error(_)), "{told:?}");
}

#[test]
fn opening_frames_of_unanswered_requests_are_bounded_by_the_connections_credit() {
    let mut pair = Pair::new();
    let mut metadata = Metadata::new();
    metadata.set_text("large", &"x".repeat(1_000_000));
    let mut streams = Vec::new();
    loop {
        let mut request = Request::new("hoard", Bytes::new());
        request.metadata = Some(Box::new(metadata.clone()));
        match pair.client.send().open(pair.now, request, true) {
            Ok(stream) => streams.push(stream),
            Err(error) => break assert!(matches!(error, SendError::Blocked), "{error}"),
        }
        pair.drive();
    }
    // 8 MiB, and 128 KiB more for each.
    assert!(
        (8..=10).contains(&streams.len()),
        "{} requests",
        streams.len()
    );
    for stream in streams {
        pair.server.answer(stream, "");
    }
    pair.drive();
    let mut request = Request::new("hoard", Bytes::new());
    request.metadata = Some(Box::new(metadata));
    pair.client.send().open(pair.now, request, true).unwrap();
}
