//! Clients that send more than anybody reads.

use std::time::Duration;

use bytes::Bytes;
use linkspan::bus::{Broker, Client, Config, Delivery};
use linkspan::codec::Raw;
use linkspan_test::wait;

use super::scene::Scene;
use crate::support::SCHEMES;

const COUNT: u64 = 500;

/// A broker whose queues are full soon and block for a while.
fn broker() -> Broker {
    let mut config = Config::default();
    config.queue_messages = 16;
    config.block_timeout = Duration::from_millis(50);
    Broker::new().config(config)
}

/// Sends 10 MB to a client whose inbox nobody reads; says how many messages were taken for it.
async fn flood(from: Client, to: &str) -> u64 {
    let body = Raw(Bytes::from(vec![b'x'; 20_000]));
    let mut taken = 0;
    for _ in 0..COUNT {
        match from.send(to, &body).await.unwrap() {
            Delivery::Delivered => taken += 1,
            other => assert_eq!(other, Delivery::NotDelivered),
        }
    }
    taken
}

/// Reads an inbox up to the end; says how many messages came, and how many were dropped there.
async fn read_until_over(client: &Client, witness: &Client) -> u64 {
    let mut inbox = client.inbox();
    let over = Raw(Bytes::from_static(b"over"));
    while witness.send(client.name(), &over).await.unwrap() != Delivery::Delivered {}
    let mut count = 0;
    loop {
        let message = wait::within("a message", inbox.next()).await.unwrap();
        count += message.gap().map_or(0, |gap| gap.dropped);
        if message.payload() == over.0 {
            return count;
        }
        count += 1;
    }
}

/// Exchanges a message with oneself.
async fn expect_alive(client: &Client) {
    let mut inbox = client.inbox();
    assert_eq!(
        client.send(client.name(), &7).await,
        Ok(Delivery::Delivered)
    );
    let message = wait::within("one's own message", inbox.next())
        .await
        .unwrap();
    assert_eq!(message.decode(), Ok(7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_flood_each_other_hold_up_nobody() {
    for scheme in SCHEMES {
        let scene = Scene::with(scheme, broker()).await;
        let (a, b) = (scene.client("a").await, scene.client("b").await);
        let witness = scene.client("witness").await;
        let floods = [(&a, "b"), (&b, "a")];
        let floods = floods.map(|(from, to)| tokio::spawn(flood(from.clone(), to)));
        while !floods.iter().all(|flood| flood.is_finished()) {
            expect_alive(&witness).await;
        }
        let [for_b, for_a] = floods;
        for (client, taken) in [(a, for_a), (b, for_b)] {
            let read = read_until_over(&client, &witness).await;
            assert_eq!(read, taken.await.unwrap(), "{scheme}");
            expect_alive(&client).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_itself_holds_up_nobody() {
    for scheme in SCHEMES {
        let scene = Scene::with(scheme, broker()).await;
        let (own, witness) = (scene.client("own").await, scene.client("witness").await);
        let flooding = tokio::spawn(flood(own.clone(), "own"));
        while !flooding.is_finished() {
            expect_alive(&witness).await;
        }
        let taken = flooding.await.unwrap();
        assert_eq!(read_until_over(&own, &witness).await, taken, "{scheme}");
        expect_alive(&own).await;
    }
}
