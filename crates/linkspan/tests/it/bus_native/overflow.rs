//! What becomes of messages that are not read.

use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::bus::{Client, Delivery, Overflow, Post, Subscribe, SubscribeError, Subscription};
use linkspan::codec::Raw;
use linkspan_test::wait;

use super::scene::{Scene, next, small};
use crate::support::LOCAL;

/// A subscription that waits with `overflow`, and a message number for each place that is between the
/// publisher and its reader, so that the queue is full.
async fn clogged(scene: &Scene, overflow: Overflow) -> (Client, Subscription) {
    let subscriber = scene.client("slow").await;
    let mut wanted = Subscribe::from("t");
    wanted.overflow = Some(overflow);
    let subscription = subscriber.subscribe(wanted).await.unwrap();
    (scene.client("fast").await, subscription)
}

fn post(number: u64) -> Post {
    let mut payload = vec![0; 64 * 1024];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    Post::to_topic("t", &Raw(payload.into())).unwrap()
}

fn number(payload: &Bytes) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

#[tokio::test]
async fn a_publisher_waits_no_longer_than_the_broker_says() {
    let limit = Duration::from_millis(200);
    let scene = Scene::with(LOCAL, small(8, limit)).await;
    let (publisher, mut subscription) = clogged(&scene, Overflow::Block).await;
    let mut sent = 0;
    let waited = loop {
        let began = Instant::now();
        match publisher.post(&post(sent)).await.unwrap() {
            Delivery::Delivered => sent += 1,
            other => {
                assert_eq!(other, Delivery::NotDelivered);
                break began.elapsed();
            }
        }
        assert!(sent < 10_000, "nobody is ever waited for");
    };
    assert!(waited >= limit && waited < 5 * limit, "{waited:?}");
    // Nobody waits for it now, until half of its queue is empty.
    let began = Instant::now();
    assert_eq!(publisher.post(&post(0)).await, Ok(Delivery::NotDelivered));
    assert!(began.elapsed() < limit / 2);

    // Who reads again gets what it was promised, and is told of the rest.
    for expected in 0..sent {
        let message = next(&mut subscription).await;
        assert_eq!(
            (number(&message.payload()), message.gap()),
            (expected, None)
        );
    }
    assert_eq!(publisher.post(&post(99)).await, Ok(Delivery::Delivered));
    let message = next(&mut subscription).await;
    assert_eq!(number(&message.payload()), 99);
    assert_eq!(message.gap().unwrap().dropped, 2);
}

#[tokio::test]
async fn what_was_dropped_is_counted_at_its_place() {
    for (overflow, drops_oldest) in [(Overflow::DropOldest, true), (Overflow::DropNewest, false)] {
        let scene = Scene::with(LOCAL, small(8, Duration::from_secs(5))).await;
        let (publisher, mut subscription) = clogged(&scene, overflow).await;
        let mut sent = 0;
        while scene.serving.stats().dropped < 10 {
            assert_eq!(publisher.post(&post(sent)).await, Ok(Delivery::Delivered));
            sent += 1;
        }
        let dropped = scene.serving.stats().dropped;
        let mut read = Vec::new();
        let mut missing = 0;
        while read.len() as u64 + missing < sent {
            if read.len() as u64 + dropped == sent {
                // A gap at the end is told with the next message.
                assert_eq!(publisher.post(&post(sent)).await, Ok(Delivery::Delivered));
                sent += 1;
            }
            let message = next(&mut subscription).await;
            let gap = message.gap().map_or(0, |gap| gap.dropped);
            let expected = read.last().map_or(0, |last| last + 1) + gap;
            assert_eq!(number(&message.payload()), expected, "{overflow:?}");
            read.push(expected);
            missing += gap;
        }
        assert_eq!(missing, dropped, "{overflow:?}");
        assert_eq!(read.contains(&(sent - 2)), drops_oldest, "{overflow:?}");
    }
}

#[tokio::test]
async fn of_the_latest_only_the_latest_comes() {
    let scene = Scene::with(LOCAL, small(8, Duration::from_secs(5))).await;
    let (publisher, mut subscription) = clogged(&scene, Overflow::LatestOnly).await;
    for sent in 0..200 {
        assert_eq!(publisher.post(&post(sent)).await, Ok(Delivery::Delivered));
    }
    let mut read = Vec::new();
    while read.last() != Some(&199) {
        read.push(number(&next(&mut subscription).await.payload()));
    }
    assert!(read.is_sorted() && read.len() < 100, "{read:?}");
}

#[tokio::test]
async fn a_subscription_that_wants_no_waiting_ends() {
    let scene = Scene::with(LOCAL, small(8, Duration::from_secs(5))).await;
    let (publisher, mut subscription) = clogged(&scene, Overflow::Disconnect).await;
    while publisher.post(&post(0)).await.unwrap() == Delivery::Delivered {}
    let last = async {
        loop {
            match subscription.next().await {
                Some(Ok(_)) => {}
                last => return last,
            }
        }
    };
    let last = wait::within("the end", last).await;
    assert_eq!(last.unwrap().unwrap_err(), SubscribeError::Overflowed);
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn who_does_not_read_one_subscription_still_gets_calls_and_the_others() {
    let scene = Scene::with(LOCAL, small(8, Duration::from_millis(50))).await;
    let slow = scene.client("slow").await;
    let mut wanted = Subscribe::from("t");
    wanted.overflow = Some(Overflow::DropOldest);
    let _unread = slow.subscribe(wanted).await.unwrap();
    let mut other = slow.subscribe("other").await.unwrap();
    let publisher = scene.client("fast").await;
    for sent in 0..200 {
        assert_eq!(publisher.post(&post(sent)).await, Ok(Delivery::Delivered));
    }
    assert_eq!(
        publisher.publish("other", &1).await,
        Ok(Delivery::Delivered)
    );
    assert_eq!(next(&mut other).await.decode(), Ok(1));
    assert_eq!(slow.clients().await.unwrap().len(), 3);
}
