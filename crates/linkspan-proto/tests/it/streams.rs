use bytes::Bytes;
use linkspan_proto::error::SendError;
use linkspan_proto::frame::Flags;
use linkspan_proto::message::{CancelReason, Event, Request, Response, Status};
use linkspan_proto::session::{Fate, Incoming};
use linkspan_proto::{Role, StreamId};
use linkspan_test::sim::Pair;

fn request(body: impl Into<Bytes>) -> Request {
    Request::new("method", body.into())
}

#[test]
fn both_sides_open_streams_and_answer() {
    let mut pair = Pair::new();
    let asked_by_client = pair.client.open(pair.now, request("from client"), true);
    let asked_by_server = pair.server.open(pair.now, request("from server"), true);
    assert_eq!(asked_by_client.opener(), Some(Role::Client));
    assert_eq!(asked_by_server.opener(), Some(Role::Server));
    pair.drive();
    assert_eq!(pair.server.take_requests(), [asked_by_client]);
    assert_eq!(pair.client.take_requests(), [asked_by_server]);

    pair.server.answer(asked_by_client, "to client");
    pair.client.answer(asked_by_server, "to server");
    pair.drive();
    assert_eq!(
        pair.client.take_responses(),
        [(asked_by_client, Bytes::from("to client"))]
    );
    assert_eq!(
        pair.server.take_responses(),
        [(asked_by_server, Bytes::from("to server"))]
    );
    for end in [&mut pair.client, &mut pair.server] {
        assert_eq!(end.closed.len(), 2);
        assert!(
            end.closed
                .iter()
                .all(|closed| closed.fate == Fate::Finished)
        );
        assert!(end.send().is_drained());
    }
}

#[test]
fn attachments_come_back_when_their_stream_closes() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request("x"), true);
    pair.client.send().attach(stream, "mine");
    pair.drive();
    pair.server.answer(stream, "y");
    pair.drive();
    let closed = pair.client.closed.pop().unwrap();
    assert_eq!((closed.stream, closed.attachment), (stream, Some("mine")));
}

#[test]
fn a_large_body_goes_on_in_chunks_and_arrives_whole() {
    for length in [65_535, 65_536, 65_537, 1_000_000, 5_000_000] {
        let mut pair = Pair::new();
        let body: Bytes = (0..length)
            .map(|byte: u32| byte.to_le_bytes()[0])
            .collect::<Vec<_>>()
            .into();
        let stream = pair.client.open(pair.now, request(body.clone()), true);
        pair.drive();
        let mut received = Vec::new();
        let mut ended = false;
        for incoming in pair.server.take_received() {
            assert!(!ended);
            let (piece, flags) = match incoming {
                Incoming::Request { request, flags, .. } => (request.body, flags),
                Incoming::Chunk { chunk, flags, .. } => (chunk.body, flags),
                other => panic!("{other:?}"),
            };
            received.extend_from_slice(&piece);
            ended = flags.contains(Flags::END);
            assert_eq!(flags.contains(Flags::CONTINUED), !ended);
        }
        assert!(ended);
        assert_eq!(received, body, "length {length}");

        pair.server.answer(stream, body.clone());
        pair.drive();
        assert_eq!(pair.client.closed.len(), 1);
        assert!(pair.client.error.is_none() && pair.server.error.is_none());
    }
}

#[test]
fn items_keep_their_boundaries_and_their_order() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request("count"), true);
    pair.drive();
    pair.server
        .send()
        .respond(stream, Response::new(Status::Ok, Bytes::new()), false)
        .unwrap();
    let items: Vec<Bytes> = [0_usize, 1, 4_096, 70_000, 0, 200_000]
        .map(|length| vec![7; length].into())
        .to_vec();
    for item in &items {
        while pair.server.send().send_item(stream, item.clone(), false) == Err(SendError::Blocked) {
            pair.drive();
        }
    }
    pair.server.send().finish(stream).unwrap();
    pair.drive();

    let mut received = vec![Vec::new()];
    for incoming in pair.client.take_received() {
        if let Incoming::Chunk { chunk, flags, .. } = incoming {
            received.last_mut().unwrap().extend_from_slice(&chunk.body);
            if !flags.contains(Flags::CONTINUED) {
                received.push(Vec::new());
            }
        }
    }
    received.pop();
    assert_eq!(received, items);
    assert_eq!(pair.client.closed.len(), 1);
}

#[test]
fn a_stream_can_fail_with_the_methods_own_error_after_items() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request("x"), true);
    pair.drive();
    let server = pair.server.send();
    server
        .respond(stream, Response::new(Status::Ok, Bytes::new()), false)
        .unwrap();
    server.send_item(stream, "one".into(), false).unwrap();
    server
        .respond(stream, Response::new(Status::Error, "broken".into()), true)
        .unwrap();
    pair.drive();
    let received = pair.client.take_received();
    assert!(matches!(&received[1], Incoming::Chunk { chunk, .. } if chunk.body == "one"));
    assert!(matches!(&received[2], Incoming::Response { response, .. }
        if response.status == Status::Error && response.body == "broken"));
    assert_eq!(pair.client.closed.len(), 1);
}

#[test]
fn an_answer_before_the_questions_end_stops_the_questioner() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request("x"), false);
    pair.drive();
    pair.server.answer(stream, "enough");
    pair.server.send().cancel(stream, CancelReason::Done);
    pair.drive();
    let error = pair
        .client
        .send()
        .send_item(stream, "more".into(), false)
        .unwrap_err();
    assert!(
        matches!(
            error,
            SendError::Closed | SendError::Stopped(CancelReason::Done)
        ),
        "{error}"
    );
    assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
}

#[test]
fn events_arrive_in_order_and_open_nothing() {
    let mut pair = Pair::new();
    for number in 0..100_u64 {
        let event = Event::new("topic", number, Bytes::from(number.to_string()));
        pair.client
            .send()
            .event(StreamId::CONNECTION, event)
            .unwrap();
    }
    pair.drive();
    let received = pair.server.take_received();
    assert_eq!(received.len(), 100);
    for (number, incoming) in (0..).zip(received) {
        let Incoming::Event { event, .. } = incoming else {
            panic!("{incoming:?}")
        };
        assert_eq!(
            (event.topic.as_str(), event.micros_since_1970),
            ("topic", number)
        );
    }
    assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
}

#[test]
fn the_peers_stream_limit_blocks_until_a_stream_closes() {
    for limit in [1, 3] {
        let mut pair = Pair::with(|_| {}, |config| config.limits.max_streams = limit);
        let streams: Vec<_> = (0..limit)
            .map(|_| pair.client.open(pair.now, request("x"), true))
            .collect();
        let now = pair.now;
        assert_eq!(
            pair.client.send().open(now, request("x"), true),
            Err(SendError::Blocked)
        );
        pair.drive();
        pair.server.answer(streams[0], "y");
        pair.drive();
        pair.client.open(pair.now, request("x"), true);
    }
}
