use std::time::Duration;

use bytes::Bytes;
use linkspan_proto::error::SessionError;
use linkspan_proto::message::Request;
use linkspan_proto::session::EndError;
use linkspan_test::sim::{Mode, Pair};

const INTERVAL: Duration = Duration::from_secs(15);

fn frames(pair: &mut Pair) -> u64 {
    pair.client.send().stats().frames_sent
}

#[test]
fn an_idle_session_lives_on_heartbeats() {
    let mut pair = Pair::new();
    pair.advance(1_000 * INTERVAL);
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
    assert!(frames(&mut pair) >= 500);
}

#[test]
fn nobody_asks_while_anything_is_said() {
    let mut pair = Pair::new();
    let before = frames(&mut pair);
    for _ in 0..100 {
        let stream = pair
            .client
            .open(pair.now, Request::new("m", Bytes::new()), true);
        pair.drive();
        pair.server.answer(stream, "");
        pair.advance(INTERVAL / 2);
    }
    assert_eq!(frames(&mut pair) - before, 100);
}

#[test]
fn a_silent_peer_is_lost_after_three_unanswered_questions() {
    let mut pair = Pair::new();
    pair.server.mode = Mode::Stopped;
    pair.advance(4 * INTERVAL - Duration::from_millis(1));
    assert!(pair.client.error.is_none());
    pair.advance(Duration::from_millis(1));
    let error = pair.client.error.unwrap();
    assert_eq!(
        error,
        EndError::Session(SessionError::Silent {
            silence: 4 * INTERVAL,
            asked: 3
        })
    );
    assert_eq!(
        error.to_string(),
        "the peer has said nothing for 60s and left 3 heartbeats unanswered"
    );
}

#[test]
fn any_byte_counts_as_a_sign_of_life() {
    let mut pair = Pair::new();
    for _ in 0..20 {
        pair.server.mode = Mode::Stopped;
        pair.advance(2 * INTERVAL);
        pair.server.mode = Mode::Deaf;
        // The server says something of its own and answers nothing.
        pair.server
            .open(pair.now, Request::new("m", Bytes::new()), true);
        pair.drive();
        pair.client.take_received();
    }
    assert!(pair.client.error.is_none());
}

#[test]
fn a_suspended_machine_is_not_a_lost_peer() {
    let mut pair = Pair::new();
    pair.server.mode = Mode::Stopped;
    pair.advance(3 * INTERVAL);
    assert!(pair.client.error.is_none());
    // All three questions are out, and the process sleeps for an hour.
    pair.oversleep(Duration::from_secs(3_600));
    assert!(pair.client.error.is_none(), "a fresh interval is granted");
    pair.server.mode = Mode::Reads;
    pair.drive();
    pair.advance(100 * INTERVAL);
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
}

#[test]
fn heartbeats_can_be_made_rarer_or_turned_off() {
    let mut pair = Pair::with(
        |config| config.heartbeat_interval = Duration::MAX,
        |config| config.heartbeat_interval = Duration::from_secs(3_600),
    );
    let before = frames(&mut pair);
    pair.advance(Duration::from_secs(3_599));
    assert_eq!(frames(&mut pair), before);
}

#[test]
fn bytes_of_a_frame_that_is_not_whole_are_a_sign_of_life() {
    let mut pair = Pair::new();
    pair.server.mode = Mode::Stopped;
    for _ in 0..20 {
        pair.advance(INTERVAL);
        let now = pair.now;
        pair.client.send().handle_bytes(now);
    }
    assert!(pair.client.error.is_none());
    pair.advance(4 * INTERVAL);
    assert!(pair.client.error.is_some());
}
