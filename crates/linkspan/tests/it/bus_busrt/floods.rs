//! Clients that send and do not read.

use std::time::Duration;

use linkspan_test::wait;

use super::raw::{ACKED, Client, MESSAGE, NOT_DELIVERED, OK, PUBLISH, SUBSCRIBE, body, operation};
use super::scene::Scene;

/// A broker whose queues are full soon and block for a while.
async fn scene() -> Scene {
    Scene::with(|config| {
        config.queue_messages = 16;
        config.block_timeout = Duration::from_millis(50);
    })
    .await
}

/// Sends 400 messages, 8 MB in all, without reading anything.
async fn flood(mut from: Client, to: &str) -> Client {
    let message = operation(0, MESSAGE, 0, &body(&[to], &[b'x'; 20_000]));
    for _ in 0..400 {
        from.raw.send(&message).await;
    }
    from
}

async fn read_until_over(mut client: Client) {
    while client.delivery().await.payload != b"over" {}
}

/// Exchanges a message with oneself.
async fn expect_alive(client: &mut Client) {
    let own = client.name.clone();
    assert_eq!(client.message(&own, b"alive").await, OK);
    assert_eq!(client.delivery().await.payload, b"alive");
}

#[tokio::test]
async fn two_who_flood_each_other_hold_up_nobody() {
    let scene = scene().await;
    for address in scene.addresses() {
        let mut witness = Client::join(address, "witness").await;
        let a = Client::join(address, "a").await;
        let b = Client::join(address, "b").await;
        let floods = tokio::spawn(async { tokio::join!(flood(a, "b"), flood(b, "a")) });
        while !floods.is_finished() {
            expect_alive(&mut witness).await;
        }
        let (a, b) = floods.await.unwrap();
        assert!(scene.stats().dropped > 0);
        // Neither was thrown out; both get what was kept, and what comes then.
        let readers = [a, b].map(|client| tokio::spawn(read_until_over(client)));
        for name in ["a", "b"] {
            let sending = async { while witness.message(name, b"over").await != OK {} };
            wait::within("room", sending).await;
        }
        for reader in readers {
            wait::within("the last message", reader).await.unwrap();
        }
        drop(witness);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn who_floods_itself_holds_up_nobody() {
    let scene = scene().await;
    for address in scene.addresses() {
        let mut witness = Client::join(address, "witness").await;
        let own = Client::join(address, "own").await;
        let flooding = tokio::spawn(flood(own, "own"));
        while !flooding.is_finished() {
            expect_alive(&mut witness).await;
        }
        let mut own = flooding.await.unwrap();
        assert!(scene.stats().dropped > 0);
        assert_eq!(own.delivery().await.payload.len(), 20_000);
        drop((own, witness));
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_stuck_caller_does_not_hold_up_the_others() {
    let scene = scene().await;
    let mut callee = scene.client("callee").await;
    let _stuck = scene.client("stuck").await;
    let mut caller = scene.client("caller").await;
    let large = [b'x'; 50_000];
    let mut refused = 0;
    for number in 0..200_u32 {
        if callee.message("stuck", &large).await == NOT_DELIVERED {
            refused += 1;
        }
        assert_eq!(callee.message("caller", &number.to_le_bytes()).await, OK);
        assert_eq!(caller.delivery().await.payload, number.to_le_bytes());
    }
    assert!(refused > 100, "{refused} answers to who is stuck");
    assert_eq!(scene.stats().dropped, refused);
    scene.stop().await;
}

#[tokio::test]
async fn who_does_not_read_its_acks_is_not_read_either() {
    let scene = Scene::start().await;
    let mut asking = scene.client("asking").await;
    let mut all = Vec::new();
    for id in 0..2_000_000 {
        all.extend(operation(id, SUBSCRIBE, ACKED, b"t"));
    }
    let mut poured = 0;
    for piece in all.chunks(100_000) {
        let pouring = asking.raw.pour(piece);
        let limit = Duration::from_millis(500);
        // Until nothing is taken for a while.
        if tokio::time::timeout(limit, pouring).await.is_err() {
            break;
        }
        poured += piece.len();
    }
    assert!(poured < all.len() / 4, "{poured} bytes were taken");
    for id in 0..u32::try_from(poured / 10).unwrap() {
        assert_eq!(asking.ack(id).await, OK);
    }
    scene.stop().await;
}

#[tokio::test]
async fn ten_thousand_operations_may_be_sent_before_an_ack_is_read() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let mut hasty = Client::join(address, "hasty").await;
        let mut all = Vec::new();
        for id in 0..10_000 {
            all.extend(operation(
                id,
                PUBLISH,
                ACKED,
                &body(&["nobody/wants/it"], &[0; 20]),
            ));
        }
        // They are read many at a time, or their acks would fill the socket one by one.
        hasty.raw.send(&all).await;
        for id in 0..10_000 {
            assert_eq!(hasty.ack(id).await, OK);
        }
        drop(hasty);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}
