//! Peers that take their time.

use std::time::{Duration, Instant};

use linkspan::exchange::IpcConfig;
use linkspan_test::conformance::Place;

use super::raw::ieee;
use super::victim::{LARGE, Victim};

pub(super) async fn silence(place: Place) {
    let victim = Victim::start(place, impatient).await;
    let began = Instant::now();
    victim.expect_closed(b"").await;
    assert!(began.elapsed() >= LIMIT);
    victim.expect(&[("silent", 1)]).await;
}

pub(super) async fn a_stalled_frame(place: Place) {
    let victim = Victim::start(place, impatient).await;
    let (frame, began) = (ieee(b"hello"), Instant::now());
    tokio::join!(
        victim.expect_closed(&frame[..1]),
        victim.expect_closed(&frame[..7]),
        victim.expect_closed(&frame[..8]),
        victim.expect_closed(&frame[..12]),
    );
    assert!(began.elapsed() >= LIMIT);
    victim.expect(&[("read_timeouts", 4)]).await;
}

/// Each byte is progress, but the frame as a whole does not come.
pub(super) async fn a_trickle(place: Place) {
    let victim = Victim::start(place, impatient).await;
    let mut attacker = victim.attacker().await;
    let began = Instant::now();
    let mut pace = tokio::time::interval(LIMIT / 10);
    let mut sent = 0;
    for byte in ieee(&[b'a'; 10_000]) {
        pace.tick().await;
        if attacker.try_send(&[byte]).await.is_err() || !attacker.is_quiet().await {
            break;
        }
        sent += 1;
        assert!(began.elapsed() < 60 * LIMIT, "{sent} bytes");
    }
    drop(attacker);
    victim.expect(&[("read_timeouts", 1)]).await;
}

pub(super) async fn an_unread_answer(place: Place) {
    let victim = Victim::start(place, impatient).await;
    let mut attacker = victim.attacker().await;
    attacker.send(&ieee(&large())).await;
    linkspan_test::wait::until("the server gives up", || victim.stats().write_timeouts > 0).await;
    assert!(attacker.rest().await.len() < LARGE_BYTES);
    let figures = victim.expect(&[("write_timeouts", 1)]).await;
    assert_eq!((figures.frames, figures.answered), (1, 0));
    assert_eq!(figures.bytes_sent, 0);
}

pub(super) async fn an_answer_read_too_slowly(place: Place) {
    let victim = Victim::start(place, impatient).await;
    let mut attacker = victim.attacker().await;
    attacker.send(&ieee(&large())).await;
    let mut pace = tokio::time::interval(LIMIT / 20);
    while victim.stats().write_timeouts == 0 {
        pace.tick().await;
        attacker.receive_some(4 * 1024).await;
    }
    assert!(attacker.rest().await.len() < LARGE_BYTES);
    let figures = victim.expect(&[("write_timeouts", 1)]).await;
    assert_eq!((figures.frames, figures.answered), (1, 0));
}

fn impatient(config: &mut IpcConfig) {
    config.accept_timeout = LIMIT;
    config.read_timeout = LIMIT;
    config.write_timeout = LIMIT;
    config.max_frame_bytes = u32::try_from(LARGE_BYTES).unwrap();
}

/// A question whose answer no system keeps for a peer that does not read.
fn large() -> Vec<u8> {
    [LARGE, LARGE_BYTES.to_string().as_bytes()].concat()
}

const LIMIT: Duration = Duration::from_millis(400);
const LARGE_BYTES: usize = 32 * 1024 * 1024;
