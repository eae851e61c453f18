use bytes::Bytes;
use linkspan_proto::error::SendError;
use linkspan_proto::message::{Event, Request, Response, Status};
use linkspan_proto::session::Incoming;
use linkspan_proto::{Config, StreamId};
use linkspan_test::sim::{Mode, Pair};

const KIB: usize = 1024;

/// A client that takes 64 KiB per stream and as much beyond the reserve of 2 x 16 KiB.
fn small(config: &mut Config) {
    config.limits.max_frame_bytes = 16 * 1024;
    config.limits.stream_credit = 64 * 1024;
    config.limits.connection_credit = (32 + 64) * 1024;
}

/// Opens a stream on which the server may send items.
fn stream_to_client(pair: &mut Pair) -> StreamId {
    let stream = pair
        .client
        .open(pair.now, Request::new("data", Bytes::new()), true);
    pair.drive();
    let head = Response::new(Status::Ok, Bytes::new());
    pair.server.send().respond(stream, head, false).unwrap();
    pair.drive();
    stream
}

fn send_all(pair: &mut Pair, stream: StreamId, items: usize, bytes: usize) -> usize {
    let mut sent = 0;
    while sent < items {
        match pair
            .server
            .send()
            .send_item(stream, vec![1; bytes].into(), false)
        {
            Ok(()) => sent += 1,
            Err(SendError::Blocked) => {
                let before = pair.client.received.len();
                pair.drive();
                if pair.client.received.len() == before {
                    break;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    pair.drive();
    sent
}

#[test]
fn a_reader_that_reads_gets_any_amount() {
    let mut pair = Pair::with(small, |_| {});
    let stream = stream_to_client(&mut pair);
    assert_eq!(send_all(&mut pair, stream, 1_000, 10 * KIB), 1_000);
    assert_eq!(pair.client.chunk_bytes(stream), 1_000 * 10 * KIB);
}

#[test]
fn a_reader_that_does_not_read_stops_its_stream_at_the_credit() {
    let mut pair = Pair::with(small, |config| config.stream_buffer_bytes = 20 * KIB);
    pair.client.mode = Mode::Hoards;
    let stream = stream_to_client(&mut pair);
    let sent = send_all(&mut pair, stream, 1_000, 10 * KIB);
    assert_eq!(pair.client.chunk_bytes(stream), 64 * KIB);
    assert!(
        sent * 10 * KIB <= (64 + 20 + 10) * KIB,
        "{sent} items were taken"
    );

    // Reading sets it going again.
    let server = &mut pair.server;
    assert_eq!(server.send().can_send_item(stream), Err(SendError::Blocked));
    pair.client.mode = Mode::Reads;
    pair.client.send().consume(stream, 64 * 1024);
    pair.drive();
    assert!(pair.client.chunk_bytes(stream) > 64 * KIB);
    assert_eq!(pair.server.send().can_send_item(stream), Ok(()));
}

#[test]
fn a_writable_stream_is_announced_once_it_takes_more() {
    let mut pair = Pair::with(small, |config| config.stream_buffer_bytes = 10 * KIB);
    pair.client.mode = Mode::Hoards;
    let stream = stream_to_client(&mut pair);
    send_all(&mut pair, stream, 100, 10 * KIB);
    while pair.server.send().poll_writable().is_some() {}
    pair.client.send().consume(stream, 64 * 1024);
    pair.drive();
    assert_eq!(pair.server.send().poll_writable(), Some(stream));
}

#[test]
fn unread_streams_never_stop_a_call() {
    let mut pair = Pair::with(
        |config| {
            small(config);
            config.limits.max_streams = 100;
        },
        |_| {},
    );
    pair.client.mode = Mode::Hoards;
    for _ in 0..10 {
        let stream = stream_to_client(&mut pair);
        send_all(&mut pair, stream, 20, 10 * KIB);
    }
    pair.client.take_received();
    for _ in 0..100 {
        let call = pair.server.open(
            pair.now,
            Request::new("small", vec![0; 15 * KIB].into()),
            true,
        );
        pair.drive();
        assert_eq!(pair.client.take_requests(), [call]);
        pair.client.answer(call, vec![0; 15 * KIB]);
        pair.drive();
        assert_eq!(pair.server.take_responses().len(), 1);
    }
}

#[test]
fn unhandled_events_never_stop_a_call() {
    let mut pair = Pair::with(|_| {}, small);
    pair.server.mode = Mode::Hoards;
    let mut sent = 0;
    loop {
        let event = Event::new("t", 0, vec![0; 8 * KIB].into());
        match pair.client.send().event(StreamId::CONNECTION, event) {
            Ok(()) => sent += 1,
            Err(SendError::Blocked) => break,
            Err(error) => panic!("{error}"),
        }
        pair.drive();
    }
    assert_eq!(sent, 7, "8 KiB and 3 bytes fit seven times into 64 KiB");
    let call = pair.client.open(
        pair.now,
        Request::new("small", vec![0; 15 * KIB].into()),
        true,
    );
    pair.drive();
    assert!(pair.server.take_requests().contains(&call));
    // Handling the events lets new ones pass.
    pair.server
        .send()
        .consume(StreamId::CONNECTION, 7 * (8 * 1024 + 3));
    pair.drive();
    let event = Event::new("t", 0, vec![0; 8 * KIB].into());
    pair.client
        .send()
        .event(StreamId::CONNECTION, event)
        .unwrap();
}

#[test]
fn a_cancelled_streams_bytes_are_given_back() {
    let mut pair = Pair::with(small, |_| {});
    for _ in 0..200 {
        let stream = stream_to_client(&mut pair);
        for _ in 0..4 {
            pair.server
                .send()
                .send_item(stream, vec![0; 10 * KIB].into(), false)
                .unwrap();
        }
        // The cancel crosses the data.
        pair.client
            .send()
            .cancel(stream, linkspan_proto::message::CancelReason::Dropped);
        pair.drive();
    }
    let stream = stream_to_client(&mut pair);
    assert_eq!(send_all(&mut pair, stream, 100, 10 * KIB), 100);
}

#[test]
fn empty_items_cost_credit_too() {
    let mut pair = Pair::with(small, |_| {});
    pair.client.mode = Mode::Hoards;
    let stream = stream_to_client(&mut pair);
    send_all(&mut pair, stream, 70 * KIB, 0);
    let chunk = |incoming: &&Incoming| matches!(incoming, Incoming::Chunk { .. });
    assert_eq!(pair.client.received.iter().filter(chunk).count(), 64 * KIB);
}

#[test]
fn messages_over_the_peers_limit_are_refused_here_with_both_numbers() {
    let mut pair = Pair::with(|_| {}, small);
    let limit = 16 * KIB;
    let fits = Event::new("topic", 0, vec![0; limit - 7].into());
    pair.client
        .send()
        .event(StreamId::CONNECTION, fits)
        .unwrap();
    let over = Event::new("topic", 0, vec![0; limit - 6].into());
    let error = pair
        .client
        .send()
        .event(StreamId::CONNECTION, over)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "message of 16385 bytes exceeds the peer's limit of 16384 bytes"
    );
    let name = Request::new("m".repeat(20_000), Bytes::new());
    let now = pair.now;
    let error = pair.client.send().open(now, name, true).unwrap_err();
    assert_eq!(
        error,
        SendError::TooLarge {
            bytes: 20_002,
            limit: 16_384
        }
    );
}

#[test]
fn a_peer_that_does_not_read_fills_bounded_memory() {
    let mut pair = Pair::new();
    // The client asks and asks, and reads nothing.
    pair.client.mode = Mode::Deaf;
    let mut answered = 0;
    while !pair.server.send().is_clogged() {
        let now = pair.now;
        match pair
            .client
            .send()
            .open(now, Request::new("m", Bytes::new()), true)
        {
            Ok(stream) => {
                pair.step();
                pair.server.take_received();
                pair.server
                    .send()
                    .respond(stream, Response::default(), true)
                    .unwrap();
                answered += 1;
            }
            Err(SendError::Blocked) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(answered < 1_000_000);
    }
    // The client's own stream limit stops an honest one long before the server clogs.
    assert_eq!(answered, 1_024);
    assert!(!pair.server.send().is_clogged());
}

#[test]
fn credit_goes_back_before_chunks_wait_for_it() {
    // Chunks may use 64 KiB, which is less than a quarter of the whole.
    let mut pair = Pair::with(
        |_| {},
        |config| {
            config.limits.max_frame_bytes = 112 * 1024;
            config.limits.connection_credit = (2 * 112 + 64) * 1024;
        },
    );
    let body = vec![7; 300 * KIB];
    let request = Request::new("upload", body.into());
    let stream = pair.client.open(pair.now, request, true);
    pair.drive();
    assert!(pair.server.chunk_bytes(stream) > 200 * KIB);
    assert!(pair.server.wire.is_empty() && pair.client.send().is_flushed());
    pair.server.answer(stream, "all of it");
    pair.drive();
    assert_eq!(pair.client.closed.len(), 1);
}

#[test]
fn credit_goes_back_before_a_response_waits_for_it() {
    // The last response costs the whole window, of which an item took a part.
    let mut pair = Pair::with(|config| config.limits.stream_credit = 16 * 1024, |_| {});
    let stream = stream_to_client(&mut pair);
    send_all(&mut pair, stream, 1, 100);
    pair.drive();
    let failed = Response::new(Status::Error, vec![7; 16 * KIB].into());
    pair.server.send().respond(stream, failed, true).unwrap();
    pair.drive();
    assert_eq!(pair.client.closed.len(), 1);
}

#[test]
fn an_event_for_which_there_can_never_be_credit_is_too_large() {
    let mut pair = Pair::with(
        |_| {},
        |config| {
            config.limits.max_frame_bytes = 64 * 1024;
            config.limits.connection_credit = (2 * 64 + 20) * 1024;
        },
    );
    let event = |bytes| Event::new("", 0, vec![0; bytes].into());
    let send = pair.client.send();
    let over = send.event(StreamId::CONNECTION, event(20 * KIB - 1));
    let (bytes, limit) = (20 * 1024 + 1, 20 * 1024);
    assert_eq!(over, Err(SendError::TooLarge { bytes, limit }));
    // As many as fit one by one pass, however little each gives back.
    for _ in 0..3 {
        for bytes in [100, 20 * KIB - 2] {
            let send = pair.client.send();
            send.event(StreamId::CONNECTION, event(bytes)).unwrap();
            pair.drive();
        }
    }
}

#[test]
fn items_without_bytes_fill_a_stream_too() {
    let mut pair = Pair::with(small, |_| {});
    let stream = stream_to_client(&mut pair);
    pair.client.mode = Mode::Deaf;
    let full = (0..1_000_000).find(|_| {
        let sent = pair.server.send().send_item(stream, Bytes::new(), false);
        sent == Err(SendError::Blocked)
    });
    let full = full.expect("it takes items without end");
    assert!((1_000..100_000).contains(&full), "{full} items");
}

#[test]
fn what_a_peer_claims_to_take_does_not_count() {
    let mut pair = Pair::with(
        |config| config.limits.connection_credit = u64::MAX / 2,
        |_| {},
    );
    let requests: Vec<_> = (0..200)
        .map(|_| {
            pair.client
                .open(pair.now, Request::new("much", Bytes::new()), true)
        })
        .collect();
    pair.drive();
    for stream in requests {
        pair.server.answer(stream, vec![7; 60 * KIB]);
    }
    assert!(pair.server.send().is_clogged());
}
