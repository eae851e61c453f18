//! Who gets what.

use bytes::Bytes;
use linkspan::bus::{Delivery, MessageKind, Post, Subscribe};
use linkspan::codec::{Codec, Raw};
use linkspan_test::wait;
use serde::{Deserialize, Serialize};

use super::scene::{Scene, next, number};
use crate::support::SCHEMES;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f64,
}

#[tokio::test]
async fn typed_publications_reach_subscribers_on_every_transport() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
        let mut readings = subscriber.subscribe("house/+/temperature").await.unwrap();
        let reading = Reading {
            sensor: "k1".into(),
            celsius: 21.5,
        };
        let post = Post::to_topic("house/kitchen/temperature", &reading).unwrap();
        let post = post.header("unit", "celsius").unwrap();
        assert_eq!(
            publisher.post(&post).await,
            Ok(Delivery::Delivered),
            "{scheme}"
        );

        let message = next(&mut readings).await;
        assert_eq!(message.kind(), MessageKind::Publication);
        assert_eq!(message.topic(), "house/kitchen/temperature");
        assert_eq!((message.sender(), message.gap()), ("one", None));
        assert_eq!(message.headers().value("unit"), Some("celsius"));
        assert_eq!(message.codec(), Some(Codec::Msgpack));
        assert_eq!(message.decode(), Ok(reading));
    }
}

#[tokio::test]
async fn publishers_learn_whether_anybody_got_it() {
    let scene = Scene::at("mem").await;
    let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
    assert_eq!(publisher.publish("t/1", &1).await, Ok(Delivery::Nobody));
    assert_eq!(publisher.send("nobody", &1).await, Ok(Delivery::Nobody));
    let subscription = subscriber.subscribe("t/#").await.unwrap();
    assert_eq!(publisher.publish("t/1", &1).await, Ok(Delivery::Delivered));
    drop(subscription);
    wait::until("the subscription to end", || {
        scene.serving.stats().masks == 2
    })
    .await;
    assert_eq!(publisher.publish("t/1", &1).await, Ok(Delivery::Nobody));
}

#[tokio::test]
async fn what_is_excluded_does_not_come_and_what_matches_twice_comes_once() {
    let scene = Scene::at("mem").await;
    let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
    let mut wanted = Subscribe::to(["t/#", "t/+"]);
    wanted.exclude = vec!["t/noise".into()];
    let mut subscription = subscriber.subscribe(wanted).await.unwrap();
    for (topic, number) in [("t/noise", 1), ("t/a", 2), ("t/b", 3)] {
        publisher.publish_unacked(topic, &number).await.unwrap();
    }
    assert_eq!(number(&mut subscription).await, 2);
    assert_eq!(number(&mut subscription).await, 3);
}

#[tokio::test]
async fn publications_of_one_client_keep_their_order() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
        let mut subscription = subscriber.subscribe("n").await.unwrap();
        let publish = async {
            for number in 0..20_000_u64 {
                publisher.publish_unacked("n", &number).await.unwrap();
            }
        };
        let read = async {
            for expected in 0..20_000_u64 {
                assert_eq!(number(&mut subscription).await, expected, "{scheme}");
            }
        };
        tokio::join!(publish, read);
    }
}

#[tokio::test]
async fn payloads_of_every_length_arrive_whole() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
        let mut subscription = subscriber.subscribe("#").await.unwrap();
        for length in [0, 1, 4095, 4096, 70_000, 1_048_576, 3_000_000] {
            let payload = Bytes::from((0..=250).cycle().take(length).collect::<Vec<u8>>());
            let post = Post::to_topic("long", &Raw(payload.clone())).unwrap();
            publisher.post_unacked(&post).await.unwrap();
            let _ = publisher.post(&post).await.unwrap();
            for _ in 0..2 {
                let message = next(&mut subscription).await;
                assert!(message.payload() == payload, "{length} bytes over {scheme}");
            }
        }
        let too_long = Raw(Bytes::from(vec![0; 17 * 1024 * 1024]));
        publisher.publish("long", &too_long).await.unwrap_err();
        assert_eq!(publisher.publish("long", &1).await, Ok(Delivery::Delivered));
    }
}

#[tokio::test]
async fn a_publication_for_one_client_comes_to_that_one() {
    let scene = Scene::at("mem").await;
    let (publisher, meant, other) = (
        scene.client("one").await,
        scene.client("meant").await,
        scene.client("other").await,
    );
    let mut for_meant = meant.subscribe("t").await.unwrap();
    let mut for_other = other.subscribe("t").await.unwrap();
    let post = Post::to_topic_for("meant", "t", &1).unwrap();
    assert_eq!(publisher.post(&post).await, Ok(Delivery::Delivered));
    assert_eq!(publisher.publish("t", &2).await, Ok(Delivery::Delivered));
    assert_eq!(number(&mut for_meant).await, 1);
    assert_eq!(number(&mut for_meant).await, 2);
    assert_eq!(number(&mut for_other).await, 2);
}

#[tokio::test]
async fn what_is_sent_comes_to_the_inbox() {
    let scene = Scene::at("mem").await;
    let (one, two) = (scene.client("a.one").await, scene.client("a.two").await);
    let mut inbox = two.inbox();
    assert_eq!(one.send("a.two", &"hi").await, Ok(Delivery::Delivered));
    assert_eq!(one.broadcast("a.*", &"all").await, Ok(Delivery::Delivered));
    let sent = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!(sent.kind(), MessageKind::Direct);
    assert_eq!(sent.decode(), Ok("hi".to_owned()));
    let told = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!(told.kind(), MessageKind::Broadcast);
    assert_eq!(
        (told.sender(), told.decode()),
        ("a.one", Ok("all".to_owned()))
    );
    one.remote("a.two").notify(&7).await.unwrap();
    let notified = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!(notified.kind(), MessageKind::Notification);
    assert_eq!(notified.decode(), Ok(7));
}

#[tokio::test]
async fn a_group_shares_publications_evenly_and_others_get_all() {
    let scene = Scene::at("mem").await;
    let publisher = scene.client("one").await;
    let mut workers = Vec::new();
    for name in ["w.1", "w.2", "w.3"] {
        let mut wanted = Subscribe::from("jobs/#");
        wanted.group = Some("workers".into());
        let client = scene.client(name).await;
        workers.push(client.subscribe(wanted).await.unwrap());
    }
    let mut watcher = scene.client("watcher").await.subscribe("#").await.unwrap();
    for number in 0..30_u64 {
        let _ = publisher.publish("jobs/x", &number).await.unwrap();
    }
    let mut seen = Vec::new();
    for worker in &mut workers {
        for _ in 0..10 {
            seen.push(number(worker).await);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
    for expected in 0..30 {
        assert_eq!(number(&mut watcher).await, expected);
    }
}
