//! The flag for sealed bodies, which the protocol only passes on.

use bytes::Bytes;
use linkspan_proto::error::SendError;
use linkspan_proto::frame::Flags;
use linkspan_proto::message::{Chunk, Event, Message, Request, Response, Status};
use linkspan_proto::session::{EndError, Incoming};
use linkspan_proto::{Config, Role, StreamId};
use linkspan_test::script::Script;
use linkspan_test::sim::Pair;

fn sealed_request() -> Request {
    let mut request = Request::new("m", Bytes::from_static(b"envelope"));
    request.sealed = true;
    request
}

#[test]
fn it_travels_with_requests_responses_and_events() {
    let mut pair = Pair::new();
    let stream = pair.client.open(pair.now, sealed_request(), true);
    pair.drive();
    let received = pair.server.take_received();
    assert!(
        matches!(&received[..], [Incoming::Request { request, flags, .. }]
            if request.sealed && flags.contains(Flags::SEALED)),
        "{received:?}"
    );
    for sealed in [true, false] {
        let mut event = Event::new("topic", 0, Bytes::new());
        event.sealed = sealed;
        let send = pair.server.session.send().unwrap();
        send.event(StreamId::CONNECTION, event).unwrap();
    }
    let mut response = Response::new(Status::Ok, Bytes::new());
    response.sealed = true;
    let send = pair.server.session.send().unwrap();
    send.respond(stream, response, true).unwrap();
    pair.drive();
    let received = pair.client.take_received();
    let sealed = received.iter().map(|incoming| match incoming {
        Incoming::Event { event, .. } => event.sealed,
        Incoming::Response { response, .. } => response.sealed,
        other => panic!("{other:?}"),
    });
    assert_eq!(sealed.collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn it_is_not_sent_to_a_peer_that_does_not_know_it() {
    let mut pair = Pair::with(
        |_| {},
        |config| config.features.retain(|name| name != Config::SEALED),
    );
    let now = pair.now;
    let send = pair.client.session.send().unwrap();
    let feature = Config::SEALED;
    let error = send.open(now, sealed_request(), true).unwrap_err();
    assert_eq!(error, SendError::NotAgreed { feature });
    let mut event = Event::new("topic", 0, Bytes::new());
    event.sealed = true;
    let error = send.event(StreamId::CONNECTION, event).unwrap_err();
    assert_eq!(error, SendError::NotAgreed { feature });
}

#[test]
fn it_ends_the_session_where_it_has_no_place() {
    let mut ignorant = Config::default();
    ignorant.features.clear();
    let request = Message::Request(Request::new("m", Bytes::new()));
    let mut script = Script::new(Role::Server, ignorant);
    let error = script.send(1, Flags::SEALED.with(Flags::END), request.clone());
    assert!(matches!(error, Err(EndError::Session(_))), "{error:?}");

    let mut script = Script::new(Role::Server, Config::default());
    script.send(1, Flags::SEALED, request).unwrap();
    let chunk = Message::Chunk(Chunk::new(0, "piece".into()));
    let error = script.send(1, Flags::SEALED, chunk);
    assert!(matches!(error, Err(EndError::Session(_))), "{error:?}");
}
