//! What becomes of messages for somebody who does not keep up, and of everybody else.

use std::time::{Duration, Instant};

use linkspan::bus::Overflow;
use linkspan_test::wait;

use super::raw::{
    ACKED, Client, Delivery, Frame, MESSAGE, NOT_DELIVERED, NOT_REGISTERED, OK, PUBLISH, body,
};
use super::scene::Scene;

const LARGE_BYTES: usize = 50_000;

/// A payload that fills sockets quickly, with its number in front.
fn numbered(number: u32) -> Vec<u8> {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(LARGE_BYTES, b'x');
    payload
}

fn number(delivery: &Delivery) -> u32 {
    u32::from_le_bytes(delivery.payload[..4].try_into().unwrap())
}

/// Reads what is left until nothing waits in the broker, and then up to a last message.
async fn read_on(scene: &Scene, slow: &mut Client, publisher: &mut Client) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut is_over = false;
    loop {
        if !is_over && scene.stats().queued_bytes == 0 {
            is_over = true;
            assert_eq!(publisher.publish("t", b"over").await, OK);
        }
        let delivery = slow.delivery().await;
        if delivery.payload == b"over" {
            return numbers;
        }
        numbers.push(number(&delivery));
    }
}

#[tokio::test]
async fn a_stopped_subscriber_costs_its_time_once() {
    let limit = Duration::from_millis(300);
    let scene = Scene::with(|config| {
        config.queue_messages = 8;
        config.block_timeout = limit;
    })
    .await;
    let mut slow = scene.client("slow").await;
    slow.subscribe(&["t"]).await;
    let mut fast = scene.client("fast").await;
    fast.subscribe(&["t"]).await;
    let reader = tokio::spawn(async move {
        let mut numbers = Vec::new();
        while numbers.len() < 100 {
            numbers.push(number(&fast.delivery().await));
        }
        (fast, numbers)
    });
    let mut publisher = scene.client("publisher").await;
    let mut accepted = Vec::new();
    let mut pauses = 0;
    for number in 0..100 {
        let start = Instant::now();
        let status = publisher.publish("t", &numbered(number)).await;
        if start.elapsed() >= limit {
            pauses += 1;
            assert_eq!(status, NOT_DELIVERED, "who waits in vain");
        }
        match status {
            OK => accepted.push(number),
            status => assert_eq!(status, NOT_DELIVERED),
        }
    }
    assert_eq!(pauses, 1, "one publisher waits once");
    let (fast, numbers) = wait::within("who reads", reader).await.unwrap();
    assert!(numbers.iter().copied().eq(0..100), "who reads gets all");
    assert_eq!(scene.stats().dropped, 100 - accepted.len() as u64);
    let early = accepted.len();
    assert!(
        accepted
            .iter()
            .copied()
            .eq(0..accepted.len().try_into().unwrap()),
        "one gap"
    );
    // It is never thrown out, and has all that was accepted.
    drop(fast);
    assert_eq!(read_on(&scene, &mut slow, &mut publisher).await, accepted);
    assert_eq!(
        scene.stats().dropped,
        100 - early as u64,
        "nobody was refused since"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_publisher_that_waits_is_not_read_and_everything_else_goes_on() {
    let scene = Scene::with(|config| {
        config.queue_messages = 4;
        config.block_timeout = Duration::from_secs(60);
        // The slow one is silent for less than this.
        config.timeout = Duration::from_secs(1);
    })
    .await;
    let mut slow = scene.client("slow").await;
    slow.subscribe(&["t"]).await;
    let mut publisher = scene.client("publisher").await;
    // Publishes until no ack comes: that one waits.
    let mut sent = 0;
    let held = loop {
        let publication = body(&["t"], &numbered(sent));
        let id = publisher.operate(PUBLISH, ACKED, &publication).await;
        sent += 1;
        let ack = publisher.ack(id);
        match tokio::time::timeout(Duration::from_millis(700), ack).await {
            Ok(status) => assert_eq!(status, OK),
            Err(_) => break id,
        }
        slow.raw.send(&[0; 9]).await;
    };
    assert!(scene.stats().queued_bytes >= 4 * LARGE_BYTES);
    let frames = scene.stats().frames_received;
    publisher
        .operate(PUBLISH, 0, &body(&["t"], &numbered(sent)))
        .await;
    sent += 1;
    let asked = publisher
        .operate(MESSAGE, ACKED, &body(&["nobody"], b""))
        .await;
    // It is pinged, gets what others send, and silence of it is not held against it.
    let mut other = scene.client("other").await;
    let mut pings = 0;
    while pings < 3 {
        match publisher.raw.frame().await.expect("no end") {
            Frame::Ping => pings += 1,
            frame => panic!("nothing was done for it, but it got {frame:?}"),
        }
        slow.raw.send(&[0; 9]).await;
        other.raw.send(&[0; 9]).await;
    }
    assert_eq!(other.message("publisher", b"for you").await, OK);
    assert_eq!(publisher.delivery().await.payload, b"for you");
    // What it sent in the same read may have been counted with it.
    let done = scene.stats().frames_received - frames;
    assert!(done <= 4, "{done} frames were done for one who waits");
    // As soon as there is room, everything arrives.
    for expected in 0..sent {
        assert_eq!(number(&slow.delivery().await), expected);
        slow.raw.send(&[0; 9]).await;
    }
    assert_eq!(publisher.ack(held).await, OK);
    assert_eq!(publisher.ack(asked).await, NOT_REGISTERED);
    assert_eq!(scene.stats().dropped, 0);
    scene.stop().await;
}

#[tokio::test]
async fn room_made_by_reading_lets_publishers_in_again() {
    let scene = Scene::with(|config| {
        config.queue_messages = 8;
        config.block_timeout = Duration::from_millis(20);
    })
    .await;
    let mut slow = scene.client("slow").await;
    slow.subscribe(&["t"]).await;
    let mut publisher = scene.client("publisher").await;
    let mut accepted = Vec::new();
    for round in 0..3 {
        for number in round * 100..round * 100 + 50 {
            if publisher.publish("t", &numbered(number)).await == OK {
                accepted.push(number);
            }
        }
        assert!(accepted.len() % 50 != 0, "it overflowed");
        let from = accepted.iter().position(|number| *number >= round * 100);
        let expected = &accepted[from.unwrap()..];
        assert_eq!(read_on(&scene, &mut slow, &mut publisher).await, expected);
    }
    assert_eq!(scene.stats().dropped, 150 - accepted.len() as u64);
    scene.stop().await;
}

/// Publishes numbers to a slow client that then reads on; gives what it got.
async fn numbers_through(overflow: Overflow, topics: u32) -> (Vec<u32>, u64) {
    let scene = Scene::with(|config| {
        config.queue_messages = 8;
        config.overflow = overflow;
    })
    .await;
    let mut slow = scene.client("slow").await;
    slow.subscribe(&["t", "t/+"]).await;
    let mut publisher = scene.client("publisher").await;
    for number in 0..100 {
        let topic = format!("t/{}", number % topics);
        assert_eq!(publisher.publish(&topic, &numbered(number)).await, OK);
    }
    assert!(scene.stats().queued_bytes <= 9 * LARGE_BYTES);
    let numbers = read_on(&scene, &mut slow, &mut publisher).await;
    let dropped = scene.stats().dropped;
    scene.stop().await;
    assert_eq!(
        numbers.len() as u64 + dropped,
        100,
        "what is lost is counted"
    );
    (numbers, dropped)
}

#[tokio::test]
async fn the_oldest_can_be_dropped() {
    let (numbers, dropped) = numbers_through(Overflow::DropOldest, 1).await;
    assert!(dropped > 0);
    assert!(
        numbers.ends_with(&[92, 93, 94, 95, 96, 97, 98, 99]),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn the_newest_can_be_dropped() {
    let (numbers, dropped) = numbers_through(Overflow::DropNewest, 1).await;
    assert!(dropped > 0);
    assert!(
        numbers
            .iter()
            .copied()
            .eq(0..numbers.len().try_into().unwrap())
    );
}

#[tokio::test]
async fn only_the_latest_of_each_topic_can_be_kept() {
    let (numbers, dropped) = numbers_through(Overflow::LatestOnly, 3).await;
    assert!(dropped > 0);
    // Each topic keeps its place, so that none waits for ever.
    let (early, latest) = numbers.split_at(numbers.len() - 3);
    assert!(early.is_sorted() && early.len() < 50, "{numbers:?}");
    let mut latest = latest.to_vec();
    latest.sort_unstable();
    assert_eq!(latest, [97, 98, 99]);
}

#[tokio::test]
async fn all_queues_together_keep_to_the_memory_limit() {
    let limit = 1_000_000;
    let scene = Scene::with(|config| {
        config.memory_limit = limit;
        config.queue_bytes = 500_000;
        config.overflow = Overflow::DropOldest;
    })
    .await;
    let mut publisher = scene.client("publisher").await;
    let mut stopped = Vec::new();
    for number in 0..20 {
        let mut client = scene.client(&format!("stopped{number}")).await;
        client.subscribe(&["t"]).await;
        stopped.push(client);
    }
    for number in 0..100 {
        assert_eq!(publisher.publish("t", &numbered(number)).await, OK);
        assert!(scene.stats().queued_bytes <= limit);
    }
    drop(stopped);
    scene.until_clients(1).await;
    assert_eq!(
        scene.stats().queued_bytes,
        0,
        "what is gone takes no memory"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_message_longer_than_a_queue_goes_alone() {
    let scene = Scene::with(|config| config.queue_bytes = 4096).await;
    for address in scene.addresses() {
        let mut reading = Client::join(address, "reading").await;
        let payload = vec![b'x'; 3_000_000];
        let message = body(&["reading"], &payload);
        let mut sender = Client::join(address, "sender").await;
        let sending = tokio::spawn(async move {
            for _ in 0..3 {
                assert_eq!(sender.ask(MESSAGE, &message).await, OK);
            }
        });
        for _ in 0..3 {
            assert_eq!(reading.delivery().await.payload, payload);
        }
        wait::within("the acks", sending).await.unwrap();
        drop(reading);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}
