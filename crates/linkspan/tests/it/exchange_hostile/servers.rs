//! Servers that answer with anything else than an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use linkspan::exchange::{
    ClientConfig, ConnectionError, ExchangeDecodeError as Frame, ExchangeError, Variant,
};
use linkspan_test::conformance::Place;
use linkspan_test::wait;

use super::fake::Fake;
use super::raw::{Raw, frame, ieee};

/// What a server says instead of the answer, and what the client makes of it.
type Trick = (Vec<u8>, Check);
type Check = fn(&ConnectionError) -> bool;
type Limits = fn(&mut ClientConfig);

fn tricks() -> Vec<Trick> {
    use ConnectionError as Error;

    let too_long = |error: &_| matches!(error, Error::Frame(Frame::TooLarge { .. }));
    let bad_sum = |error: &_| matches!(error, Error::Frame(Frame::Checksum { .. }));
    let mut flipped = ieee(b"HELLO");
    flipped[9] ^= 0x20;
    let half = ieee(b"HELLO")[..10].to_vec();
    let empty = |error: &_| matches!(error, Error::Frame(Frame::Empty));
    vec![
        (vec![0; 8], empty),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), too_long),
        (vec![0xff; 4], too_long),
        ((1024 * 1024 + 1_u32).to_le_bytes().to_vec(), too_long),
        (flipped, bad_sum),
        (frame(Variant::Castagnoli, b"HELLO"), bad_sum),
        (half, |error| matches!(error, Error::Truncated)),
        (vec![0], |error| matches!(error, Error::Truncated)),
        (vec![], |error| matches!(error, Error::Closed)),
    ]
}

/// The question may have been handled: the error says so, and it is sent once only.
pub(super) async fn wrong_answers(place: Place) {
    for (trick, is_expected) in tricks() {
        let asked = Arc::<AtomicUsize>::default();
        let (counter, said) = (Arc::clone(&asked), trick.clone());
        let fake = Fake::start(place, move |peer, number| {
            serve(peer, number, said.clone(), Arc::clone(&counter))
        })
        .await;
        let client = fake.client(place, |_| {});
        let error = wait::within("the error", client.send("hello")).await;
        let Err(ExchangeError::OutcomeUnknown { source, .. }) = error else {
            panic!("{error:?} to {trick:?}")
        };
        assert!(is_expected(&source), "{source:?} to {trick:?}");
        let stats = client.stats();
        assert_eq!((stats.sent, stats.outcome_unknown), (1, 1));
        assert_eq!((stats.answered, stats.repeated), (0, 0));
        assert_eq!((asked.load(Ordering::Relaxed), fake.connections()), (1, 1));

        // The connection is gone, and with it all that went wrong.
        assert_eq!(client.send("hello").await.unwrap(), "HELLO");
        assert_eq!((asked.load(Ordering::Relaxed), fake.connections()), (2, 2));
        assert_eq!(client.stats().answered, 1);
    }
}

pub(super) async fn slow_answers(place: Place) {
    let silent: Limits = |config| config.answer_timeout = LIMIT;
    let slow: Limits = |config| config.read_timeout = LIMIT;
    let expired: Limits = |config| config.request_timeout = LIMIT;
    let is_silent = |error: &_| matches!(error, ConnectionError::Silent { .. });
    let is_slow = |error: &_| {
        use ConnectionError::{ReadStalled, ReadTooSlow};
        matches!(error, ReadStalled { .. } | ReadTooSlow { .. })
    };
    let cases: [(usize, Limits, Check); 5] = [
        (0, silent, is_silent),
        (0, expired, is_silent),
        (3, slow, is_slow),
        (3, expired, is_slow),
        (ENDLESS, slow, is_slow),
    ];
    for (bytes, limits, is_expected) in cases {
        let fake = Fake::start(place, move |peer, _| trickle(peer, bytes)).await;
        let client = fake.client(place, limits);
        let error = wait::within("the error", client.send("hello")).await;
        let Err(ExchangeError::OutcomeUnknown { source, .. }) = error else {
            panic!("{error:?}")
        };
        assert!(is_expected(&source), "{source:?} after {bytes} bytes");
        assert_eq!(client.stats().outcome_unknown, 1);
        assert_eq!(fake.connections(), 1);
    }
}

/// A server that is busy has read nothing, so any question may be asked again.
pub(super) async fn busy_ones(place: Place) {
    let fake = Fake::start(place, |mut peer, number| async move {
        if number < 3 {
            peer.send(b"\0\0\0\0\x0a\0\0\0").await;
            return;
        }
        answer(&mut peer).await;
    })
    .await;
    let client = fake.client(place, |_| {});
    assert_eq!(client.send("hello").await.unwrap(), "HELLO");
    let stats = client.stats();
    assert_eq!((stats.busy, stats.repeated, stats.answered), (3, 3, 1));
    assert_eq!((stats.outcome_unknown, stats.unsent), (0, 0));

    let fake = Fake::start(place, |mut peer, _| async move {
        peer.send(b"\0\0\0\0\x0a\0\0\0").await;
    })
    .await;
    let client = fake.client(place, |config| config.backoff.repeats = Some(0));
    let error = client.send("hello").await;
    let Err(ExchangeError::Busy { retry_after, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Duration::from_millis(10));
    assert_eq!((client.stats().busy, client.stats().unsent), (1, 1));
}

pub(super) async fn idempotent_questions_are_repeated(place: Place) {
    for (trick, _) in tricks() {
        let asked = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&asked);
        let fake = Fake::start(place, move |peer, number| {
            serve(peer, number, trick.clone(), Arc::clone(&counter))
        })
        .await;
        let client = fake.client(place, |_| {});
        let question = client.question("hello").idempotent();
        let answer = wait::within("the answer", question.send()).await;
        assert_eq!(answer.unwrap(), "HELLO");
        let stats = client.stats();
        assert_eq!((stats.sent, stats.repeated, stats.answered), (2, 1, 1));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

/// Tricks the first connection, and answers the others.
async fn serve(mut peer: Raw, number: usize, trick: Vec<u8>, asked: Arc<AtomicUsize>) {
    if number > 0 {
        asked.fetch_add(1, Ordering::Relaxed);
        return answer(&mut peer).await;
    }
    assert!(peer.receive_message().await.is_some());
    asked.fetch_add(1, Ordering::Relaxed);
    peer.send(&trick).await;
    peer.finish().await;
    assert_eq!(peer.rest().await, b"", "nothing more is asked here");
}

async fn answer(peer: &mut Raw) {
    while let Some(question) = peer.receive_message().await {
        peer.send(&ieee(&question.to_ascii_uppercase())).await;
    }
}

/// Sends so much of a long answer, one byte after the other.
async fn trickle(mut peer: Raw, bytes: usize) {
    assert!(peer.receive_message().await.is_some());
    let mut pace = tokio::time::interval(LIMIT / 10);
    for byte in ieee(&[b'x'; ENDLESS]).iter().take(bytes) {
        pace.tick().await;
        if peer.try_send(&[*byte]).await.is_err() {
            return;
        }
    }
    peer.rest().await;
}

const LIMIT: Duration = Duration::from_millis(200);
const ENDLESS: usize = 10_000;
