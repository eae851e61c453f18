//! Sessions with a peer that does not know the flag `continued`.

use bytes::{Bytes, BytesMut};
use linkspan_proto::error::{Code, SendError, SessionError};
use linkspan_proto::frame::{Flags, HEADER_BYTES, Header, TRAILER_BYTES};
use linkspan_proto::message::{Chunk, Message, Request, Response, Status};
use linkspan_proto::session::{EndError, Incoming};
use linkspan_proto::{Config, Role, StreamId};
use linkspan_test::script::Script;
use linkspan_test::sim::{Mode, Pair};

fn knows_nothing(config: &mut Config) {
    config.features.clear();
}

/// Two sessions, one of which does not know the feature.
fn pairs() -> [Pair; 2] {
    [
        Pair::with(knows_nothing, |_| {}),
        Pair::with(|_| {}, knows_nothing),
    ]
}

/// Moves bytes until nothing moves any more, and looks at each frame on its way.
fn drive(pair: &mut Pair) {
    loop {
        set_mode(pair, Mode::Deaf);
        pair.step();
        set_mode(pair, Mode::Reads);
        assert_no_frame_is_continued(&pair.client.wire);
        assert_no_frame_is_continued(&pair.server.wire);
        if !pair.step() {
            break;
        }
    }
    pair.drive();
    assert_eq!((&pair.client.error, &pair.server.error), (&None, &None));
}

fn set_mode(pair: &mut Pair, mode: Mode) {
    pair.client.mode = mode;
    pair.server.mode = mode;
}

fn assert_no_frame_is_continued(mut wire: &[u8]) {
    while let Some((header, rest)) = wire.split_first_chunk::<HEADER_BYTES>() {
        let header = Header::read(header).unwrap();
        assert_eq!(header.flags.bits() & 1 << 4, 0, "bit 4 of {header:?}");
        let length = usize::try_from(header.payload_bytes).unwrap();
        (_, wire) = rest.split_at(length + TRAILER_BYTES);
    }
    assert!(wire.is_empty(), "the wire carries whole frames");
}

fn bytes(length: usize) -> Bytes {
    let period = (0..=250).cycle();
    period.take(length).collect()
}

/// All pieces of one direction joined, and whether the direction has ended.
fn join(received: Vec<Incoming>) -> (Bytes, bool) {
    let mut whole = BytesMut::new();
    let mut ended = false;
    for incoming in received {
        assert!(!ended, "{incoming:?} after the end");
        let (piece, flags) = match incoming {
            Incoming::Request { request, flags, .. } => (request.body, flags),
            Incoming::Response {
                response, flags, ..
            } => (response.body, flags),
            Incoming::Chunk { chunk, flags, .. } => (chunk.body, flags),
            other => panic!("{other:?}"),
        };
        whole.extend_from_slice(&piece);
        ended = flags.contains(Flags::END);
    }
    (whole.freeze(), ended)
}

/// What arrives of these items when the server streams them.
fn stream(pair: &mut Pair, items: &[Bytes]) -> Vec<Bytes> {
    let request = Request::new("count", Bytes::new());
    let stream = pair.client.open(pair.now, request, true);
    drive(pair);
    let server = pair.server.send();
    server
        .respond(stream, Response::new(Status::Ok, Bytes::new()), false)
        .unwrap();
    for item in items {
        while pair.server.send().send_item(stream, item.clone(), false) == Err(SendError::Blocked) {
            drive(pair);
        }
    }
    pair.server.send().finish(stream).unwrap();
    drive(pair);
    assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
    let item = |incoming| match incoming {
        Incoming::Chunk { chunk, .. } => Some(chunk.body),
        _ => None,
    };
    let received = pair.client.take_received();
    received.into_iter().filter_map(item).collect()
}

#[test]
fn both_sides_agree_on_it_unless_one_does_not_know_it() {
    let features = |pair: &Pair| {
        let sides = [&pair.client, &pair.server];
        sides.map(|side| side.session.agreement().unwrap().features.clone())
    };
    let known = Config::default().features;
    assert!(known.iter().any(|name| name == Config::CONTINUED));
    assert_eq!(features(&Pair::new()), [known.clone(), known]);
    for pair in &pairs() {
        assert_eq!(features(pair), [Vec::<String>::new(), Vec::new()]);
    }
}

#[test]
fn bodies_arrive_whole_both_ways() {
    for mut pair in pairs() {
        for length in [65_534, 65_537, 300 * 1024, 3_000_000] {
            let body = bytes(length);
            let request = Request::new("m", body.clone());
            let stream = pair.client.open(pair.now, request, true);
            drive(&mut pair);
            assert_eq!(join(pair.server.take_received()), (body.clone(), true));
            pair.server.answer(stream, body.clone());
            drive(&mut pair);
            assert_eq!(join(pair.client.take_received()), (body, true));
        }
    }
}

#[test]
fn items_arrive_whole_as_far_as_half_a_window_holds_them() {
    let half = 512 * 1024;
    let items = [0, 1, 65_536, 65_537, 70_000, 0, 200_000, half, half, half].map(bytes);
    for mut pair in pairs() {
        assert_eq!(stream(&mut pair, &items), items);
    }
}

#[test]
fn an_item_waits_for_the_credit_to_be_whole() {
    for kib in [48, 100, 129, 200, 1024] {
        let small = |config: &mut Config| {
            config.limits.max_frame_bytes = 16 * 1024;
            config.limits.stream_credit = kib * 1024;
            config.limits.connection_credit = (32 + kib) * 1024;
            config.features.clear();
        };
        let mut pair = Pair::with(small, |_| {});
        let items: Vec<_> = (0..300).map(|n| bytes(n * 997 % 16_385)).collect();
        assert_eq!(stream(&mut pair, &items), items, "windows of {kib} KiB");
    }
}

#[test]
fn longer_items_arrive_as_several() {
    for mut pair in pairs() {
        let item = bytes(512 * 1024 + 1);
        let received = stream(&mut pair, std::slice::from_ref(&item));
        assert!(received.len() > 1);
        assert_eq!(received.concat(), item);
    }
}

#[test]
fn a_peer_that_sends_it_all_the_same_ends_the_session() {
    let mut config = Config::default();
    config.features.clear();
    let mut script = Script::new(Role::Server, config);
    let request = Message::Request(Request::new("m", Bytes::new()));
    script.send(1, Flags::NONE, request).unwrap();
    let chunk = Message::Chunk(Chunk::new(0, "piece".into()));
    let error = script.send(1, Flags::CONTINUED, chunk).unwrap_err();
    let expected = SessionError::NotAgreed {
        flags: Flags::CONTINUED,
    };
    assert_eq!(error, EndError::Session(expected));
    let told = script.receive().pop().unwrap();
    let Message::Error(failure) = told.message else {
        panic!("{told:?}")
    };
    assert_eq!(
        (told.stream, failure.code),
        (StreamId::CONNECTION, Code::BAD_FRAME)
    );
}
