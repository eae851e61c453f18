use bytes::Bytes;
use linkspan_proto::StreamId;
use linkspan_proto::error::SendError;
use linkspan_proto::message::{Request, Response, Status};
use linkspan_proto::session::Incoming;
use linkspan_test::sim::{Mode, Pair};

fn streams(pair: &mut Pair, count: usize) -> Vec<StreamId> {
    let open = |_| {
        pair.client
            .open(pair.now, Request::new("data", Bytes::new()), true)
    };
    let streams: Vec<_> = (0..count).map(open).collect();
    pair.drive();
    for stream in &streams {
        let head = Response::new(Status::Ok, Bytes::new());
        pair.server.send().respond(*stream, head, false).unwrap();
    }
    pair.drive();
    streams
}

fn fill(pair: &mut Pair, stream: StreamId) {
    while pair
        .server
        .send()
        .send_item(stream, vec![0; 64 * 1024].into(), false)
        != Err(SendError::Blocked)
    {}
}

#[test]
fn large_streams_take_turns() {
    let mut pair = Pair::new();
    let streams = streams(&mut pair, 4);
    for _ in 0..200 {
        for stream in &streams {
            fill(&mut pair, *stream);
        }
        pair.step();
    }
    pair.drive();
    let bytes: Vec<_> = streams
        .iter()
        .map(|stream| pair.client.chunk_bytes(*stream))
        .collect();
    let (least, most) = (bytes.iter().min().unwrap(), bytes.iter().max().unwrap());
    assert!(*least > 10 * 1024 * 1024, "{bytes:?}");
    assert!(most - least <= 1024 * 1024, "{bytes:?}");
}

#[test]
fn a_small_call_waits_for_one_write_of_a_large_stream_at_most() {
    let mut pair = Pair::new();
    let stream = streams(&mut pair, 1)[0];
    for _ in 0..50 {
        fill(&mut pair, stream);
        // What was gathered for the write that is under way.
        pair.client.take_received();
        let call = pair
            .server
            .open(pair.now, Request::new("small", Bytes::new()), true);
        pair.step();
        let received = pair.client.take_received();
        let place = received.iter().position(
            |incoming| matches!(incoming, Incoming::Request { stream, .. } if *stream == call),
        );
        let before: usize = received[..place.expect("the call arrived")]
            .iter()
            .map(|incoming| match incoming {
                Incoming::Chunk { chunk, .. } => chunk.body.len(),
                _ => 0,
            })
            .sum();
        assert!(before <= 320 * 1024, "{before} bytes went before the call");
        pair.client.answer(call, "");
    }
}

#[test]
fn a_stream_without_credit_does_not_hold_up_the_others() {
    let mut pair = Pair::new();
    let streams = streams(&mut pair, 2);
    pair.client.mode = Mode::Hoards;
    let mut sent = 0;
    while sent < 1024 * 1024 {
        fill(&mut pair, streams[0]);
        pair.drive();
        sent = pair.client.chunk_bytes(streams[0]);
    }
    fill(&mut pair, streams[0]);
    pair.drive();
    assert_eq!(
        pair.client.chunk_bytes(streams[0]),
        1024 * 1024,
        "its credit is used up"
    );
    fill(&mut pair, streams[1]);
    pair.drive();
    assert!(pair.client.chunk_bytes(streams[1]) > 0);
}
