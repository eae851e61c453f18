use std::time::Duration;

use bytes::Bytes;
use linkspan_proto::error::{Code, SendError};
use linkspan_proto::message::{CancelReason, Request};
use linkspan_proto::session::{Fate, Incoming};
use linkspan_test::sim::Pair;

fn request(timeout: Duration) -> Request {
    let mut request = Request::new("method", Bytes::new());
    request.timeout = Some(timeout);
    request
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_time_left_travels_with_the_request() {
    let mut pair = Pair::new();
    pair.client.open(pair.now, request(3 * SECOND), true);
    pair.drive();
    let Incoming::Request {
        request, deadline, ..
    } = &pair.server.received[0]
    else {
        panic!()
    };
    assert_eq!(request.timeout, Some(3 * SECOND));
    assert_eq!(*deadline, Some(pair.now + 3 * SECOND));
}

#[test]
fn the_caller_stops_waiting_and_the_answerer_working_at_the_deadline() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(3 * SECOND), true);
    pair.advance(2 * SECOND);
    assert!(pair.client.closed.is_empty() && pair.server.closed.is_empty());
    pair.advance(SECOND);
    assert_eq!(
        (pair.client.closed[0].stream, pair.client.closed[0].fate),
        (stream, Fate::Expired)
    );
    assert_eq!(pair.server.closed[0].fate, Fate::Expired);
}

#[test]
fn an_answerer_whose_clock_is_ahead_says_that_the_time_was_up() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(SECOND), true);
    pair.drive();
    // Only the server's timer fires.
    let late = pair.now + SECOND;
    pair.server.session.handle_timeout(late).unwrap();
    pair.drive();
    assert!(
        pair.client
            .received
            .iter()
            .any(|incoming| matches!(incoming,
        Incoming::Failed { stream: id, failure } if *id == stream
            && failure.code == Code::DEADLINE_EXCEEDED))
    );
}

#[test]
fn a_caller_whose_clock_is_ahead_cancels() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(SECOND), true);
    pair.drive();
    let late = pair.now + SECOND;
    pair.client.session.handle_timeout(late).unwrap();
    pair.drive();
    let cancel = Incoming::Cancelled {
        stream,
        reason: CancelReason::Deadline,
    };
    assert!(pair.server.received.contains(&cancel));
}

#[test]
fn deadlines_of_many_streams_fire_each_at_its_time() {
    let mut pair = Pair::new();
    for seconds in [5, 1, 3, 2, 4] {
        pair.client.open(pair.now, request(seconds * SECOND), true);
    }
    for passed in 1..=5 {
        pair.advance(SECOND);
        assert_eq!(pair.client.closed.len(), passed);
        assert_eq!(pair.server.closed.len(), passed);
    }
    assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
}

#[test]
fn an_answer_in_time_ends_the_wait() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, request(SECOND), true);
    pair.drive();
    pair.server.answer(stream, "in time");
    pair.advance(2 * SECOND);
    assert_eq!(pair.client.closed[0].fate, Fate::Finished);
    assert_eq!(pair.client.closed.len(), 1);
}

#[test]
fn a_deadline_that_has_passed_sends_nothing() {
    let mut pair = Pair::new();
    let now = pair.now;
    let error = pair
        .client
        .send()
        .open(now, request(Duration::ZERO), true)
        .unwrap_err();
    assert_eq!(error, SendError::Deadline);
    let tiny = request(Duration::from_nanos(1));
    pair.client.open(now, tiny, true);
    pair.drive();
    let Incoming::Request { request, .. } = &pair.server.received[0] else {
        panic!()
    };
    assert_eq!(
        request.timeout,
        Some(Duration::from_micros(1)),
        "never the 0 that means no limit"
    );
}
