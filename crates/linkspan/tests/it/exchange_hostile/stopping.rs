//! Peers that are there when the server stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::exchange::{Client, ClientConfig, Context, ExchangeError, Server};
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tokio::sync::Semaphore;

use super::raw::{Raw, ieee};
use super::victim::{answer, ipc};

/// Who waits for a question is closed at once, a question under way is answered, and one that takes
/// too long is cut off and reported.
pub(super) async fn drains_then_cuts(place: Place) {
    let directory = tempfile::tempdir().unwrap();
    let (begun, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&begun), Arc::clone(&released));
    let server = Server::new().handler(move |question: Bytes, _: Context| {
        let (begun, released) = gates.clone();
        async move {
            begun.add_permits(1);
            match &question[..] {
                b"quick" => {}
                b"slow" => released.acquire().await.unwrap().forget(),
                _ => std::future::pending().await,
            }
            Ok::<_, Bytes>(question)
        }
    });
    let listening = server.config(ipc(place)).listen(place.address(&directory));
    let serving = listening.await.unwrap();
    let client = || {
        let mut config = ClientConfig::from(&ipc(place));
        config.backoff.repeats = Some(0);
        let builder = Client::builder().config(config);
        builder.endpoint(serving.address()).build().unwrap()
    };
    let (idle, slow, endless) = (client(), client(), client());
    assert_eq!(idle.send("quick").await.unwrap(), "quick");
    let slow = tokio::spawn(async move { slow.send("slow").await });
    let endless = tokio::spawn(async move { endless.send("endless").await });
    wait::until("three questions are being handled", || {
        begun.available_permits() == 3
    })
    .await;

    let stopping = tokio::spawn(serving.stop(Duration::from_secs(2)));
    let refused = async { while idle.send("quick").await.is_ok() {} };
    wait::within("it takes no more questions", refused).await;
    released.add_permits(1);
    let answer = wait::within("the slow answer", slow).await.unwrap();
    assert_eq!(answer.unwrap(), "slow");
    assert!(!stopping.is_finished(), "one is still being handled");
    let error = wait::within("the endless one", endless).await.unwrap();
    assert!(matches!(error, Err(ExchangeError::OutcomeUnknown { .. })));
    let report = wait::within("the stop", stopping).await.unwrap();
    assert_eq!((report.connections, report.cut), (3, 1));
}

/// A peer that has asked nothing does not hold up the stop; one within a frame has its time, and is
/// cut off then.
pub(super) async fn silent_and_stalled_ones(place: Place) {
    for (begun, cut) in [(b"".as_slice(), 0), (b"\x05\0\0", 1)] {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::new().handler(answer).config(ipc(place));
        let serving = server.listen(place.address(&directory)).await.unwrap();
        let mut peers = Vec::new();
        for _ in 0..3 {
            let mut peer = Raw::connect(serving.address()).await;
            peer.send(begun).await;
            peers.push(peer);
        }
        // It has read what the others sent before it accepts and answers another one.
        let mut last = Raw::connect(serving.address()).await;
        for _ in 0..20 {
            last.send(&ieee(b"hello")).await;
            last.receive(13).await;
        }
        let (limit, began) = (Duration::from_secs(1), Instant::now());
        let report = wait::within("the stop", serving.stop(limit)).await;
        assert_eq!(began.elapsed() >= limit, cut > 0);
        assert_eq!((report.connections, report.cut), (4, 3 * cut));
        for mut peer in peers {
            assert_eq!(peer.rest().await, b"");
        }
    }
}
