//! More connections than there are places.

use std::time::Duration;

use linkspan::exchange::{Client, ClientConfig, ExchangeError, Server, Serving};
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tempfile::TempDir;

use super::raw::{Raw, ieee};
use super::victim::{answer, failures, ipc, settled};

/// They do what attackers do with a place, and are put out of it one by one.
pub(super) async fn ten_attackers_at_a_limit_of_two(place: Place) {
    let (serving, _directory) = start(place, 2).await;
    let mut attackers = Vec::new();
    for begun in [b"".as_slice(), b"\x05\0", &ieee(b"hello")]
        .iter()
        .cycle()
        .take(10)
    {
        let mut attacker = Raw::connect(serving.address()).await;
        // One that is refused may find the connection closed.
        attacker.try_send(begun).await.ok();
        attackers.push(attacker);
    }
    let refused = || serving.health().next().unwrap().1.totals.refused_busy;
    wait::until("the others are refused", || refused() >= 8).await;

    let client = client(place, &serving).build().unwrap();
    let answer = wait::within("a place", client.send("hello")).await.unwrap();
    assert_eq!(answer, "HELLO");
    let mut told_busy = 0;
    for mut attacker in attackers {
        told_busy += u64::from(attacker.rest().await == BUSY);
    }
    assert_eq!(told_busy, 8, "ten came for two places");
    let stats = client.stats();
    assert_eq!((stats.answered, stats.outcome_unknown), (1, 0));
    assert_eq!(stats.busy + told_busy, refused());
    drop(client);
    let (stats, _) = settled(&serving).await;
    assert_eq!(failures(&stats), [("silent", 1), ("read_timeouts", 1)]);
}

pub(super) async fn over_the_limit(place: Place) {
    let (serving, _directory) = start(place, 1).await;
    let first = client(place, &serving).connect().await.unwrap();
    assert_eq!(first.send("one").await.unwrap(), "ONE");

    let mut config = ClientConfig::from(&ipc(place));
    config.backoff.repeats = Some(0);
    let builder = Client::builder().config(config);
    let second = builder.endpoint(serving.address()).build().unwrap();
    let error = second.send("two").await.unwrap_err();
    let ExchangeError::Busy { retry_after, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Duration::from_millis(250));
    assert!(error.is_unsent());
    let stats = second.stats();
    assert_eq!((stats.busy, stats.unsent, stats.answered), (1, 1, 0));

    assert_eq!(first.send("three").await.unwrap(), "THREE");
    assert_eq!(first.stats().connects, 1);
    drop(first);
    let (stats, health) = settled(&serving).await;
    assert_eq!((stats.answered, stats.evicted), (2, 0));
    assert_eq!((health.totals.refused_busy, health.totals.errors), (1, 0));
    assert_eq!(failures(&stats), []);
}

/// A connection that has waited for a question for so long loses its place, but its client nothing.
pub(super) async fn idle_ones_make_room(place: Place) {
    let (serving, _directory) = start(place, 1).await;
    let clients = [(); 2].map(|()| client(place, &serving).build().unwrap());
    for round in 1..=2 {
        for client in &clients {
            // A question that meets the end of its place may have been read, for all its client knows.
            let question = client.question("hello").idempotent();
            let answer = wait::within("a place", question.send()).await.unwrap();
            assert_eq!(answer, "HELLO");
            assert_eq!(client.stats().answered, round);
        }
    }
    drop(clients);
    let (stats, _) = settled(&serving).await;
    assert_eq!((stats.answered, stats.evicted), (4, 3));
    assert_eq!(failures(&stats), []);
}

/// Fewer places than there are connections: those that wait longest go.
pub(super) async fn a_lower_limit_is_reached(place: Place) {
    let (mut serving, _directory) = start(place, 8).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = client(place, &serving).build().unwrap();
        assert_eq!(client.send("hello").await.unwrap(), "HELLO");
        clients.push(client);
    }
    let open = |serving: &Serving| serving.health().next().unwrap().1.connection_count;
    assert_eq!(open(&serving), 8);
    let mut config = ipc(place);
    config.max_connections = 2;
    // None of them has to wait before it may be ended.
    config.accept_timeout = Duration::ZERO;
    serving.reconfigure(config).await.unwrap();
    wait::until("two are left", || open(&serving) <= 2).await;
    let client = client(place, &serving).build().unwrap();
    assert_eq!(
        client.question("hello").idempotent().send().await.unwrap(),
        "HELLO"
    );
}

async fn start(place: Place, places: usize) -> (Serving, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = ipc(place);
    config.max_connections = places;
    config.accept_timeout = Duration::from_millis(500);
    config.read_timeout = Duration::from_millis(500);
    let server = Server::new().handler(answer).config(config);
    (
        server.listen(place.address(&directory)).await.unwrap(),
        directory,
    )
}

fn client(place: Place, serving: &Serving) -> linkspan::exchange::ClientBuilder {
    let config = ClientConfig::from(&ipc(place));
    Client::builder().config(config).endpoint(serving.address())
}

/// No message, and to come back after 250 ms.
const BUSY: [u8; 8] = [0, 0, 0, 0, 250, 0, 0, 0];
