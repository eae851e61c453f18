//! In which order messages of one client arrive, acknowledged ones and others.

use std::time::Duration;

use linkspan::bus::{Client, Delivery, Subscription};

use super::scene::{Scene, number, small};
use crate::support::SCHEMES;

/// Publishes numbers; has each third one acknowledged.
async fn publish(publisher: Client, count: u64) {
    for number in 0..count {
        if number % 3 == 0 {
            let delivery = publisher.publish("n", &number).await;
            assert_eq!(delivery, Ok(Delivery::Delivered));
        } else {
            publisher.publish_unacked("n", &number).await.unwrap();
        }
    }
}

async fn read(mut subscription: Subscription, count: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(number(&mut subscription).await);
    }
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_room_all_arrive_as_they_were_sent() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let subscriber = scene.client("two").await;
        let subscription = subscriber.subscribe("n").await.unwrap();
        let publishing = publish(scene.client("one").await, 1000);
        let (numbers, ()) = tokio::join!(read(subscription, 1000), publishing);
        assert!(numbers.into_iter().eq(0..1000), "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_what_was_acknowledged() {
    for scheme in SCHEMES {
        let scene = Scene::with(scheme, small(4, Duration::from_secs(60))).await;
        let subscriber = scene.client("two").await;
        let subscription = subscriber.subscribe("n").await.unwrap();
        let publishing = publish(scene.client("one").await, 1000);
        let (numbers, ()) = tokio::join!(read(subscription, 1000), publishing);
        let (acked, unacked): (Vec<u64>, Vec<u64>) =
            numbers.iter().partition(|number| *number % 3 == 0);
        assert!(acked.is_sorted() && unacked.is_sorted(), "{scheme}");
        let mut latest = 0;
        for number in numbers {
            let overtook = number % 3 == 0 && latest > number;
            assert!(!overtook, "{latest} came before {number} over {scheme}");
            latest = latest.max(number);
        }
    }
}
