//! Signs of life, and how long a client may be without.

use std::time::{Duration, Instant};

use super::raw::{ACKED, Client, Frame, OK, PUBLISH, body, operation};
use super::scene::Scene;

const TIMEOUT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_silent_client_is_pinged_and_then_cut_off() {
    let scene = Scene::with(|config| config.timeout = TIMEOUT).await;
    for address in scene.addresses() {
        let start = Instant::now();
        let mut client = Client::join(address, "silent").await;
        let mut pings = 0;
        while let Some(frame) = client.raw.frame().await {
            assert_eq!(frame, Frame::Ping);
            pings += 1;
        }
        let lasted = start.elapsed();
        assert!(lasted >= TIMEOUT * 5 / 4, "cut off after {lasted:?}");
        assert!(lasted < TIMEOUT * 20, "cut off after {lasted:?}");
        assert!(pings >= 2, "{pings} pings");
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn pings_keep_a_connection() {
    let scene = Scene::with(|config| config.timeout = TIMEOUT).await;
    for address in scene.addresses() {
        let mut client = Client::join(address, "quiet").await;
        let start = Instant::now();
        let mut pings = 0;
        while start.elapsed() < TIMEOUT * 4 {
            // The broker's own pings are the clock: two in each timeout.
            assert_eq!(client.raw.frame().await, Some(Frame::Ping));
            pings += 1;
            client.raw.send(&[0; 9]).await;
        }
        assert!(pings <= 12, "{pings} pings in {:?}", start.elapsed());
        assert_eq!(client.message("quiet", b"still there").await, OK);
        drop(client);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_body_may_trickle() {
    let scene = Scene::with(|config| config.timeout = TIMEOUT).await;
    for address in scene.addresses() {
        let mut client = Client::join(address, "slow").await;
        client.subscribe(&["t"]).await;
        let publication = operation(7, PUBLISH, ACKED, &body(&["t"], b"in many pieces"));
        let start = Instant::now();
        for byte in &publication {
            client.raw.send(&[*byte]).await;
            tokio::time::sleep(TIMEOUT / 6).await;
        }
        assert!(start.elapsed() > TIMEOUT * 3, "longer than any limit");
        assert_eq!(client.ack(7).await, OK);
        assert_eq!(client.delivery().await.payload, b"in many pieces");
        drop(client);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_stalled_body_ends_the_connection() {
    let scene = Scene::with(|config| config.timeout = TIMEOUT).await;
    for address in scene.addresses() {
        let mut client = Client::join(address, "stalled").await;
        client
            .raw
            .send(&operation(7, PUBLISH, ACKED, &body(&["t"], b"rest"))[..12])
            .await;
        while let Some(frame) = client.raw.frame().await {
            assert_eq!(frame, Frame::Ping);
        }
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn last_words_count_of_a_client_that_reads_nothing_more() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let mut witness = Client::join(address, "witness").await;
        witness.subscribe(&["t"]).await;
        let mut hasty = Client::join(address, "hasty").await;
        hasty.subscribe(&["t"]).await;
        // What it is sent itself cannot be written any more.
        let mut all = Vec::new();
        for number in 0..2000_u32 {
            all.extend(operation(
                0,
                PUBLISH,
                0,
                &body(&["t"], &number.to_le_bytes()),
            ));
        }
        hasty.raw.send(&all).await;
        drop(hasty);
        for number in 0..2000_u32 {
            assert_eq!(witness.delivery().await.payload, number.to_le_bytes());
        }
        drop(witness);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn half_a_connection_is_enough_to_publish() {
    let scene = Scene::start().await;
    let mut witness = scene.client("witness").await;
    witness.subscribe(&["t"]).await;
    let mut hasty = Client::join(&scene.tcp, "hasty").await;
    hasty
        .raw
        .send(&operation(1, PUBLISH, 0, &body(&["t"], b"last words")))
        .await;
    hasty.raw.end().await;
    assert_eq!(witness.delivery().await.payload, b"last words");
    assert_eq!(hasty.next().await, None);
    scene.stop().await;
}
