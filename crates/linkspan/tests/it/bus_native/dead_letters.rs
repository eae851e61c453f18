//! Messages that could not be delivered.

use std::time::Duration;

use bytes::Bytes;
use linkspan::bus::{
    Action, Broker, Client, Config, DeadLetter, DeadLetterFilter, DeadReason, Delivery, Overflow,
    Post, PostError, Subscribe,
};
use linkspan::codec::{Codec, Raw};
use linkspan_test::wait;

use super::scene::{Scene, next, number, small};
use crate::support::{LOCAL, SCHEMES};

/// A broker that keeps `messages` of at most `bytes`.
fn keeping(messages: usize, bytes: usize) -> Broker {
    let mut config = Config::default();
    config.dead_letters.messages = messages;
    config.dead_letters.bytes = bytes;
    Broker::new().config(config)
}

/// Publishes a number that somebody has to get; there is nobody.
async fn lose(client: &Client, topic: &str, number: u64) {
    let post = Post::to_topic(topic, &number).unwrap();
    let post = post.require_receiver().unwrap();
    assert_eq!(client.post(&post).await, Ok(Delivery::Nobody));
}

async fn all(client: &Client) -> Vec<DeadLetter> {
    client.dead_letters(&filter(|_| {})).await.unwrap()
}

fn filter(adjust: impl FnOnce(&mut DeadLetterFilter)) -> DeadLetterFilter {
    let mut filter = DeadLetterFilter::default();
    adjust(&mut filter);
    filter
}

fn ids(letters: &[DeadLetter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.id).collect()
}

#[tokio::test]
async fn what_nobody_got_is_kept_if_somebody_had_to() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let client = scene.client("one").await;
        assert_eq!(client.publish("t", &1).await, Ok(Delivery::Nobody));
        lose(&client, "house/door", 2).await;
        let post = Post::to_client("absent", &3).unwrap();
        let post = post.header("unit", "celsius").unwrap();
        assert_eq!(client.post(&post).await, Ok(Delivery::Nobody));
        // Who calls somebody is told, and calls again.
        let called = client.remote("absent").send_request::<u64>("m", &4).await;
        called.unwrap_err();

        let letters = all(&client).await;
        let [published, sent] = letters.as_slice() else {
            panic!("{letters:?}");
        };
        assert_eq!(published.reason, DeadReason::NoReceiver);
        assert_eq!(published.topic.as_deref(), Some("house/door"));
        assert_eq!(
            (published.receiver.as_deref(), published.payload_bytes),
            (None, 1)
        );
        assert_eq!((sent.sender.as_str(), sent.topic.as_deref()), ("one", None));
        assert_eq!(sent.receiver.as_deref(), Some("absent"));
        assert!(published.at_ms <= sent.at_ms && published.id < sent.id);

        let whole = client.dead_letter(sent.id).await.unwrap().unwrap();
        assert_eq!((&whole.letter, whole.codec), (sent, Some(Codec::Msgpack)));
        assert_eq!(whole.headers.value("unit"), Some("celsius"));
        assert_eq!(whole.decode(), Ok(3));
        assert_eq!(client.dead_letter(99).await, Ok(None));
        assert_eq!(scene.serving.stats().dead_letters, 2);
    }
}

#[tokio::test]
async fn what_a_subscriber_had_no_room_for_comes_to_that_one_later() {
    let scene = Scene::with(LOCAL, small(8, Duration::from_millis(50))).await;
    let (publisher, slow, fast) = (
        scene.client("publisher").await,
        scene.client("slow").await,
        scene.client("fast").await,
    );
    let mut waits = slow.subscribe("t").await.unwrap();
    let mut reads = fast.subscribe("t").await.unwrap();
    let long = |number: u64| {
        let mut payload = vec![0; 64 * 1024];
        payload[..8].copy_from_slice(&number.to_le_bytes());
        Post::to_topic("t", &Raw(payload.into())).unwrap()
    };
    let first = |payload: &Bytes| u64::from_le_bytes(payload[..8].try_into().unwrap());
    let mut sent = 0;
    while publisher.post(&long(sent)).await.unwrap() == Delivery::Delivered {
        assert_eq!(first(&next(&mut reads).await.payload()), sent);
        sent += 1;
    }
    assert_eq!(first(&next(&mut reads).await.payload()), sent);
    let letters = all(&publisher).await;
    let [lost] = letters.as_slice() else {
        panic!("{letters:?}");
    };
    assert_eq!(lost.reason, DeadReason::Overflow);
    assert_eq!(
        (lost.sender.as_str(), lost.receiver.as_deref()),
        ("publisher", Some("slow"))
    );

    // It has no room now either.
    let replayed = publisher
        .replay_dead_letters(&filter(|_| {}))
        .await
        .unwrap();
    assert_eq!((replayed.delivered, replayed.kept), (0, 1));
    assert_eq!(replayed.problems[0].id, lost.id);
    assert!(
        replayed.problems[0].problem.contains("slow"),
        "{replayed:?}"
    );
    for expected in 0..sent {
        assert_eq!(first(&next(&mut waits).await.payload()), expected);
    }
    let any = filter(|_| {});
    let replay = async {
        let replay = async || publisher.replay_dead_letters(&any).await.unwrap().delivered;
        while replay().await == 0 {}
    };
    wait::within("room for the letter", replay).await;
    let message = next(&mut waits).await;
    assert_eq!(
        (first(&message.payload()), message.sender()),
        (sent, "publisher")
    );
    assert_eq!(all(&publisher).await, []);
    // The other one had it.
    let _ = publisher
        .publish("t", &Raw(vec![9; 8].into()))
        .await
        .unwrap();
    assert_eq!(next(&mut reads).await.payload(), vec![9; 8]);
}

#[tokio::test]
async fn a_policy_that_loses_messages_makes_no_dead_letters() {
    for overflow in [
        Overflow::DropOldest,
        Overflow::DropNewest,
        Overflow::LatestOnly,
    ] {
        let scene = Scene::with("mem", small(4, Duration::from_millis(50))).await;
        let (publisher, slow) = (scene.client("publisher").await, scene.client("slow").await);
        let mut wanted = Subscribe::from("t");
        wanted.overflow = Some(overflow);
        let _slow = slow.subscribe(wanted).await.unwrap();
        let flood = async {
            while scene.serving.stats().dropped < 10 {
                let payload = Raw(vec![0; 100_000].into());
                let _ = publisher.publish("t", &payload).await.unwrap();
            }
        };
        wait::within("messages to be dropped", flood).await;
        assert_eq!(all(&publisher).await, [], "{overflow:?}");
    }
}

#[tokio::test]
async fn the_oldest_make_room_for_newer_ones() {
    let scene = Scene::with("mem", keeping(3, 1_000_000)).await;
    let client = scene.client("one").await;
    for number in 1..=5 {
        lose(&client, "t", number).await;
    }
    assert_eq!(ids(&all(&client).await), [3, 4, 5]);
    let stats = scene.serving.stats();
    assert_eq!((stats.dead_letters, stats.dead_letters_forgotten), (3, 2));
    assert!((3..10_000).contains(&stats.dead_letter_bytes), "{stats:?}");

    let scene = Scene::with("mem", keeping(100, 10_000)).await;
    let client = scene.client("one").await;
    let long = |bytes| Raw(Bytes::from(vec![0; bytes]));
    for _ in 0..3 {
        let _ = client.send("absent", &long(4000)).await.unwrap();
    }
    assert_eq!(ids(&all(&client).await), [2, 3]);
    // Nothing has room beside it, and it has none itself.
    let _ = client.send("absent", &long(10_001)).await.unwrap();
    assert_eq!(all(&client).await, []);
    assert_eq!(scene.serving.stats().dead_letter_bytes, 0);

    let scene = Scene::with("mem", keeping(0, 10_000)).await;
    let client = scene.client("one").await;
    lose(&client, "t", 1).await;
    assert_eq!(all(&client).await, []);
}

#[tokio::test]
async fn letters_are_chosen_by_number_topic_and_reason() {
    let scene = Scene::at("mem").await;
    let client = scene.client("one").await;
    for topic in ["a/1", "a/2", "b/1"] {
        lose(&client, topic, 7).await;
    }
    let _ = client.send("absent", &7).await.unwrap();
    let chosen = async |filter: DeadLetterFilter| ids(&client.dead_letters(&filter).await.unwrap());
    assert_eq!(chosen(filter(|it| it.ids = vec![2, 4, 9])).await, [2, 4]);
    assert_eq!(
        chosen(filter(|it| it.mask = Some("a/+".into()))).await,
        [1, 2]
    );
    assert_eq!(
        chosen(filter(|it| it.mask = Some("#".into()))).await,
        [1, 2, 3]
    );
    let reason = |reason| filter(|it| it.reason = Some(reason));
    assert_eq!(chosen(reason(DeadReason::NoReceiver)).await, [1, 2, 3, 4]);
    assert!(chosen(reason(DeadReason::Schema)).await.is_empty());
    let both = filter(|it| {
        it.mask = Some("+/1".into());
        it.ids = vec![1, 2];
    });
    assert_eq!(chosen(both.clone()).await, [1]);
    assert_eq!(client.drop_dead_letters(&both).await, Ok(1));
    assert_eq!(client.drop_dead_letters(&both).await, Ok(0));
    assert_eq!(ids(&all(&client).await), [2, 3, 4]);
    let wrong = filter(|it| it.mask = Some("a\0b".into()));
    let refused = client.dead_letters(&wrong).await;
    assert!(matches!(refused, Err(PostError::Call(_))), "{refused:?}");
}

#[tokio::test]
async fn long_lists_come_whole() {
    let scene = Scene::with("mem", keeping(5000, 100_000_000)).await;
    let client = scene.client("one").await;
    let long = "x".repeat(4000);
    for number in 0..2500 {
        let topic = if number % 10 == 0 { &long } else { "t" };
        lose(&client, topic, number).await;
    }
    let letters = all(&client).await;
    assert_eq!(ids(&letters), (1..=2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn replayed_letters_come_to_all_who_want_them_now() {
    let scene = Scene::at("mem").await;
    let (client, other) = (scene.client("one").await, scene.client("two").await);
    lose(&client, "t", 1).await;
    lose(&client, "u", 2).await;
    let mut first = other.subscribe("t").await.unwrap();
    let mut second = scene.client("three").await.subscribe("t").await.unwrap();
    let replayed = other.replay_dead_letters(&filter(|_| {})).await.unwrap();
    assert_eq!((replayed.delivered, replayed.kept), (1, 1));
    assert!(
        replayed.problems[0].problem.contains("nobody"),
        "{replayed:?}"
    );
    for subscription in [&mut first, &mut second] {
        let message = next(subscription).await;
        assert_eq!((message.sender(), message.decode()), ("one", Ok(1)));
    }
    assert_eq!(ids(&all(&client).await), [2]);

    let _ = client.send("late", &3).await.unwrap();
    let mut inbox = scene.client("late").await.inbox();
    let replayed = client.replay_dead_letters(&filter(|_| {})).await.unwrap();
    assert_eq!((replayed.delivered, replayed.kept), (1, 1));
    let message = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!(message.decode(), Ok(3));
}

#[tokio::test]
async fn a_topic_tells_of_dead_letters() {
    let mut config = Config::default();
    config.dead_letters.topic = Some("dead/letters".into());
    config.dead_letters.messages = 0;
    let scene = Scene::with("mem", Broker::new().config(config)).await;
    let (client, watcher) = (scene.client("one").await, scene.client("two").await);
    let mut told = watcher.subscribe("dead/#").await.unwrap();
    let post = Post::to_topic("t", &7).unwrap().header("own", "x").unwrap();
    let post = post.require_receiver().unwrap();
    assert_eq!(client.post(&post).await, Ok(Delivery::Nobody));
    let message = next(&mut told).await;
    assert_eq!(
        (message.sender(), message.topic()),
        (".broker", "dead/letters")
    );
    assert_eq!(
        (message.codec(), message.decode()),
        (Some(Codec::Msgpack), Ok(7))
    );
    let headers = message.headers();
    for (name, value) in [
        ("dead-reason", "no_receiver"),
        ("dead-topic", "t"),
        ("dead-sender", "one"),
        ("own", "x"),
    ] {
        assert_eq!(headers.value(name), Some(value), "{name}");
    }
    assert_eq!(headers.value("dead-receiver"), None);
    let mut wrong = Config::default();
    wrong.dead_letters.topic = Some("a\0b".into());
    Broker::new().config(wrong).embed().unwrap_err();
}

#[tokio::test]
async fn only_who_may_sees_what_others_sent() {
    let broker = Broker::new().authorize(|_, action| match action {
        Action::DeadLetters => false,
        Action::Send(name) => name != "forbidden",
        _ => true,
    });
    let scene = Scene::with("mem", broker).await;
    let client = scene.client("one").await;
    // Whether it is there, one who may not send to it does not learn, and nothing is kept.
    let absent = client.send("forbidden", &1).await;
    let _there = scene.client("forbidden").await;
    assert!(matches!(absent, Err(PostError::Denied(_))), "{absent:?}");
    assert_eq!(client.send("forbidden", &1).await, absent);
    assert_eq!(scene.serving.stats().dead_letters, 0);
    lose(&client, "t", 1).await;
    let all = filter(|_| {});
    let denied = [
        client.dead_letters(&all).await.map(drop),
        client.dead_letter(1).await.map(drop),
        client.replay_dead_letters(&all).await.map(drop),
        client.drop_dead_letters(&all).await.map(drop),
    ];
    for denied in denied {
        assert!(matches!(denied, Err(PostError::Denied(_))), "{denied:?}");
    }
    assert_eq!(scene.serving.stats().dead_letters, 1);
}

#[tokio::test]
async fn a_letter_of_a_group_goes_to_one_of_it() {
    let scene = Scene::at("mem").await;
    let client = scene.client("one").await;
    lose(&client, "jobs", 1).await;
    lose(&client, "jobs", 2).await;
    let mut wanted = Subscribe::from("jobs");
    wanted.group = Some("workers".into());
    let mut first = scene
        .client("w.1")
        .await
        .subscribe(wanted.clone())
        .await
        .unwrap();
    let mut second = scene.client("w.2").await.subscribe(wanted).await.unwrap();
    let replayed = client.replay_dead_letters(&filter(|_| {})).await.unwrap();
    assert_eq!(replayed.delivered, 2);
    let mut got = [number(&mut first).await, number(&mut second).await];
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
}
