use bytes::Bytes;
use linkspan_proto::error::SendError;
use linkspan_proto::message::Request;
use linkspan_proto::session::{Fate, Incoming, Transmit};
use linkspan_test::sim::Pair;

fn request() -> Request {
    Request::new("method", Bytes::new())
}

#[test]
fn goodbye_lets_what_was_accepted_finish() {
    let mut pair = Pair::new();
    let accepted = pair.client.open(pair.now, request(), true);
    pair.drive();
    pair.server.session.goodbye("restart");
    pair.drive();
    let goodbye = pair.client.take_received().pop().unwrap();
    let Incoming::Goodbye(goodbye) = goodbye else {
        panic!("{goodbye:?}")
    };
    assert_eq!(
        (goodbye.last_stream, goodbye.reason.as_str()),
        (accepted, "restart")
    );

    let now = pair.now;
    assert_eq!(
        pair.client.send().open(now, request(), true),
        Err(SendError::GoingAway)
    );
    assert!(!pair.server.send().is_drained());
    pair.server.answer(accepted, "done");
    pair.drive();
    assert_eq!(pair.client.take_responses().len(), 1);
    assert!(pair.server.send().is_drained());
}

#[test]
fn what_crosses_the_goodbye_was_never_accepted() {
    let mut pair = Pair::new();
    let accepted = pair.client.open(pair.now, request(), true);
    pair.drive();
    pair.server.take_received();
    let crossing: Vec<_> = (0..3)
        .map(|_| pair.client.open(pair.now, request(), true))
        .collect();
    pair.server.session.goodbye("restart");
    pair.drive();

    assert!(
        pair.server.take_requests().is_empty(),
        "nothing above the goodbye is handled"
    );
    let mut refused: Vec<_> = pair
        .client
        .closed
        .iter()
        .map(|closed| closed.stream)
        .collect();
    refused.sort();
    assert_eq!(refused, crossing);
    assert!(
        pair.client
            .closed
            .iter()
            .all(|closed| closed.fate == Fate::NotAccepted)
    );
    pair.server.answer(accepted, "done");
    pair.drive();
    assert_eq!(pair.client.take_responses().len(), 1);
}

#[test]
fn the_side_that_said_goodbye_may_still_ask() {
    let mut pair = Pair::new();
    pair.server.session.goodbye("soon");
    pair.drive();
    let stream = pair.server.open(pair.now, request(), true);
    pair.drive();
    pair.client.answer(stream, "yes");
    pair.drive();
    assert_eq!(pair.server.take_responses().len(), 1);
}

#[test]
fn a_lost_connection_tells_what_was_never_sent_from_what_may_have_been_handled() {
    let mut pair = Pair::new();
    let sent = pair.client.open(pair.now, request(), true);
    pair.drive();
    let unsent = pair.client.open(pair.now, request(), true);
    let mut closed = Vec::new();
    let send = pair.client.send();
    send.close();
    while let Some(stream) = send.reap() {
        closed.push((stream.stream, stream.fate));
    }
    closed.sort_by_key(|(stream, _)| *stream);
    assert_eq!(closed, [(sent, Fate::Unknown), (unsent, Fate::NotAccepted)]);
}

#[test]
fn what_is_being_written_when_a_connection_is_lost_may_have_been_handled() {
    let mut pair = Pair::new();
    let given = pair.client.open(pair.now, request(), true);
    let send = pair.client.send();
    assert!(send.poll_transmit(&mut Transmit::bytes()));
    let unsent = pair.client.open(pair.now, request(), true);
    let send = pair.client.send();
    send.presume_written();
    send.close();
    let mut closed: Vec<_> = std::iter::from_fn(|| send.reap())
        .map(|stream| (stream.stream, stream.fate))
        .collect();
    closed.sort_by_key(|(stream, _)| *stream);
    assert_eq!(
        closed,
        [(given, Fate::Unknown), (unsent, Fate::NotAccepted)]
    );
}
