use bytes::Bytes;
use linkspan_proto::error::{Category, Code, SendError};
use linkspan_proto::message::{CancelReason, Failure, Request, Response, Status};
use linkspan_proto::session::{Fate, Incoming};
use linkspan_test::sim::Pair;

fn request() -> Request {
    Request::new("method", Bytes::from("body"))
}

#[test]
fn a_dropped_call_is_cancelled_at_its_answerer() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(), true);
    pair.drive();
    pair.client.send().cancel(stream, CancelReason::Dropped);
    pair.drive();
    assert!(pair.server.take_received().contains(&Incoming::Cancelled {
        stream,
        reason: CancelReason::Dropped
    }));
    assert_eq!(pair.server.closed[0].fate, Fate::Cancelled);
    assert_eq!(pair.client.closed[0].fate, Fate::Cancelled);
    let late = pair
        .server
        .send()
        .respond(stream, Response::new(Status::Ok, "late".into()), true);
    assert_eq!(late, Err(SendError::Closed));
}

#[test]
fn an_answer_that_crosses_the_cancel_is_ignored() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(), true);
    pair.drive();
    pair.client.send().cancel(stream, CancelReason::Dropped);
    pair.server.answer(stream, "crossing");
    pair.drive();
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
    assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
}

#[test]
fn cancelling_makes_room_for_another_stream_at_once() {
    let mut pair = Pair::with(|_| {}, |config| config.limits.max_streams = 1);
    for _ in 0..100 {
        let stream = pair.client.open(pair.now, request(), true);
        pair.client.send().cancel(stream, CancelReason::Dropped);
    }
    pair.drive();
    assert!(pair.server.error.is_none());
    assert_eq!(pair.server.closed.len(), 100);
}

#[test]
fn a_failure_ends_both_directions_after_what_was_sent_before() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(), false);
    pair.drive();
    let server = pair.server.send();
    server
        .respond(stream, Response::new(Status::Ok, Bytes::new()), false)
        .unwrap();
    server.send_item(stream, "item".into(), false).unwrap();
    let failure = Failure::new(Category::Handler, Code::PANICKED, "the handler panicked");
    server.fail(stream, failure.clone()).unwrap();
    pair.drive();
    let received = pair.client.take_received();
    assert!(matches!(&received[1], Incoming::Chunk { .. }));
    assert_eq!(
        received[2],
        Incoming::Failed {
            stream,
            failure: Box::new(failure)
        }
    );
    assert_eq!(pair.client.closed.len(), 1);
    let more = pair.client.send().send_item(stream, "more".into(), false);
    assert_eq!(more, Err(SendError::Closed));
}

#[test]
fn a_reader_that_loses_interest_stops_the_sender() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(), false);
    for _ in 0..3 {
        pair.client
            .send()
            .send_item(stream, vec![0; 100_000].into(), false)
            .unwrap();
    }
    pair.drive();
    pair.server.send().cancel(stream, CancelReason::Done);
    pair.drive();
    let stopped = pair.client.send().send_item(stream, "x".into(), false);
    assert_eq!(stopped, Err(SendError::Stopped(CancelReason::Done)));
    // The answer still comes.
    pair.server.answer(stream, "sum");
    pair.drive();
    assert_eq!(pair.client.take_responses(), [(stream, Bytes::from("sum"))]);
    assert_eq!(pair.client.closed.len(), 1);
    assert_eq!(pair.server.closed.len(), 1);
}
