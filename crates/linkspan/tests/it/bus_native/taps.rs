//! Who watches what others send, and sums that are watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkspan::bus::{
    Action, Broker, BrokerStats, CallPart, Delivery, MessageKind, Post, SubscribeError, Tap,
    Tapped, Tapping,
};
use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;

use super::mixed::BusRt;
use super::scene::{Scene, next, small};
use crate::support::LOCAL;

async fn seen(tapping: &mut Tapping) -> Tapped {
    wait::within("a message of others", tapping.next())
        .await
        .unwrap()
}

/// The same, in short: way, topic or none, sender, receiver, payload.
async fn in_short(tapping: &mut Tapping) -> (MessageKind, String, String, String, Vec<u8>) {
    let Tapped {
        message, receiver, ..
    } = seen(tapping).await;
    let texts = [message.topic(), message.sender()].map(str::to_owned);
    let [topic, sender] = texts;
    (
        message.kind(),
        topic,
        sender,
        receiver,
        message.payload().to_vec(),
    )
}

#[tokio::test]
async fn what_others_send_to_each_other_is_seen() {
    let scene = Scene::at(LOCAL).await;
    let watcher = scene.client("watcher").await;
    let mut wanted = Tap::default();
    wanted.sender = Some("house.*".to_owned());
    let mut tapping = watcher.tap(wanted).await.unwrap();
    let (one, _two) = (
        scene.client("house.one").await,
        scene.client("house.two").await,
    );
    let mut three = BusRt::join(scene.address(), "house.far.three").await;
    let raw = |text: &str| Raw(text.to_owned().into());

    let _ = one.publish("a/b", &raw("to all who want")).await.unwrap();
    let only = Post::to_topic_for("house.two", "a/b", &raw("to one who wants")).unwrap();
    let _ = one.post(&only).await.unwrap();
    let sent = one.send("house.two", &raw("to one")).await;
    assert_eq!(sent, Ok(Delivery::Delivered));
    let _ = one.broadcast("house.?", &raw("to many")).await.unwrap();
    assert_eq!(three.operate(0x52, b"house.two\0from elsewhere").await, 1);

    let expected = [
        (
            MessageKind::Publication,
            "a/b",
            "house.one",
            "",
            "to all who want",
        ),
        (
            MessageKind::Publication,
            "a/b",
            "house.one",
            "house.two",
            "to one who wants",
        ),
        (MessageKind::Direct, "", "house.one", "house.two", "to one"),
        (
            MessageKind::Broadcast,
            "",
            "house.one",
            "house.?",
            "to many",
        ),
        (
            MessageKind::Direct,
            "",
            "house.far.three",
            "house.two",
            "from elsewhere",
        ),
    ];
    for (kind, topic, sender, receiver, payload) in expected {
        let (topic, sender, receiver) = (topic.into(), sender.into(), receiver.into());
        let expected = (kind, topic, sender, receiver, payload.as_bytes().to_vec());
        assert_eq!(in_short(&mut tapping).await, expected);
    }
    let stats = scene.serving.stats();
    assert_eq!((stats.taps, stats.tap_dropped), (1, 0));
    drop(tapping);
    wait::until("the tap is gone", || scene.serving.stats().taps == 0).await;
}

#[tokio::test]
async fn calls_are_seen_from_both_sides() {
    let scene = Scene::at(LOCAL).await;
    let (watcher, callee) = (scene.client("watcher").await, scene.client("callee").await);
    let double = async |number: u64, _: Context| Ok::<_, CallError>(2 * number);
    callee.serve(Router::new().method("double", double));
    let mut wanted = Tap::default();
    wanted.kinds = vec![MessageKind::Direct];
    let mut tapping = watcher.tap(wanted).await.unwrap();

    let caller = scene.client("caller").await;
    let remote = caller.remote("callee");
    let doubled: u64 = remote.send_request("double", &21_u64).await.unwrap();
    assert_eq!(doubled, 42);
    let tapped = seen(&mut tapping).await;
    let Some(CallPart::Request { id, method, .. }) = tapped.call() else {
        panic!("{tapped:?}")
    };
    assert_eq!(
        (tapped.message.sender(), &*tapped.receiver),
        ("caller", "callee")
    );
    assert_eq!(method, "double");
    let tapped = seen(&mut tapping).await;
    assert_eq!(
        (tapped.message.sender(), &*tapped.receiver),
        ("callee", "caller")
    );
    let Some(CallPart::Reply { id: answered, .. }) = tapped.call() else {
        panic!("{tapped:?}")
    };
    assert_eq!(answered, id);
    // What the broker answers, too.
    let info: serde_json::Value = caller
        .remote(".broker")
        .send_request("info", &Raw::default())
        .await
        .unwrap();
    assert_eq!(info["author"], "Linkspan");
    assert_eq!(seen(&mut tapping).await.receiver, ".broker");
    assert_eq!(seen(&mut tapping).await.message.sender(), ".broker");
}

#[tokio::test]
async fn a_tap_has_what_it_asks_for() {
    let scene = Scene::at("mem").await;
    let (watcher, one) = (scene.client("watcher").await, scene.client("one").await);
    let _two = scene.client("two").await;
    let mut topics = Tap::default();
    topics.masks = vec!["a/+".to_owned(), "b".to_owned()];
    let mut topics = watcher.tap(topics).await.unwrap();
    let mut receivers = Tap::default();
    receivers.receiver = Some("t*o".to_owned());
    let mut receivers = watcher.tap(receivers).await.unwrap();
    for topic in ["a/x/y", "a/x", "c", "b"] {
        let _ = one.publish(topic, topic).await.unwrap();
    }
    for receiver in ["watcher", "two"] {
        assert_eq!(one.send(receiver, "x").await, Ok(Delivery::Delivered));
    }
    assert_eq!(seen(&mut topics).await.message.topic(), "a/x");
    assert_eq!(seen(&mut topics).await.message.topic(), "b");
    assert_eq!(seen(&mut receivers).await.receiver, "two");
    let mut wrong = Tap::default();
    wrong.masks = vec!["a\0b".to_owned()];
    let error = watcher.tap(wrong).await.unwrap_err();
    assert!(matches!(error, SubscribeError::Call(_)), "{error}");
}

#[tokio::test]
async fn a_rule_may_forbid_it() {
    let broker = Broker::new().authorize(|_, action| action != Action::Tap);
    let scene = Scene::with(LOCAL, broker).await;
    let curious = scene.client("curious").await;
    let error = curious.tap(Tap::default()).await.unwrap_err();
    assert!(matches!(error, SubscribeError::Denied(_)), "{error}");
    assert_eq!(scene.serving.stats().denied, 1);
    let clients = curious.clients().await.unwrap();
    let denied = |name: &str| clients.iter().find(|it| it.name == name).unwrap().denied;
    assert_eq!((denied("curious"), denied(".broker")), (1, 0));
}

#[tokio::test]
async fn a_tap_that_is_not_read_holds_up_nobody_and_knows_what_it_missed() {
    const COUNT: u64 = 20_000;
    let scene = Scene::with(LOCAL, small(100, wait::PATIENCE)).await;
    let (watcher, publisher) = (
        scene.client("watcher").await,
        scene.client("publisher").await,
    );
    let mut wanted = Tap::default();
    wanted.masks = vec!["n".to_owned()];
    let mut tapping = watcher.tap(wanted).await.unwrap();
    for number in 0..COUNT {
        publisher.publish_unacked("n", &number).await.unwrap();
    }
    let last = publisher.publish("n", &COUNT).await.unwrap();
    assert_eq!(last, Delivery::Nobody, "nobody but the tap is there");
    let dropped = scene.serving.stats().tap_dropped;
    assert!(dropped > 0);
    let (mut got, mut missed) = (0, 0);
    loop {
        let message = seen(&mut tapping).await.message;
        got += 1;
        missed += message.gap().map_or(0, |gap| gap.dropped);
        let number: u64 = message.decode().unwrap();
        assert_eq!(number + 1, got + missed, "in order, and nothing twice");
        if number == COUNT {
            break;
        }
    }
    assert_eq!(missed, scene.serving.stats().tap_dropped);
    assert_eq!(scene.serving.stats().queued_bytes, 0);
}

/// Whatever comes and goes, no sum is ever less than it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_never_fall_while_clients_come_and_go() {
    const ROUNDS: u64 = 300;
    let scene = Arc::new(Scene::with("mem", small(4, std::time::Duration::ZERO)).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = tokio::task::spawn_blocking({
        let (scene, is_over) = (Arc::clone(&scene), Arc::clone(&is_over));
        move || {
            let mut last = sums(&scene.serving.stats());
            while !is_over.load(Ordering::Relaxed) {
                let now = sums(&scene.serving.stats());
                for (before, after) in last.iter().zip(now) {
                    assert!(*before <= after, "{last:?} became {now:?}");
                }
                last = now;
            }
        }
    });
    let coming = (0..2).map(|number| {
        let scene = Arc::clone(&scene);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let client = scene.client(&format!("c{number}.{round}")).await;
                let mut own = client
                    .subscribe(format!("t{number}").as_str())
                    .await
                    .unwrap();
                for _ in 0..10 {
                    let _ = client.publish(&format!("t{number}"), "x").await.unwrap();
                }
                next(&mut own).await;
            }
        })
    });
    for coming in coming {
        coming.await.unwrap();
    }
    wait::until("all are gone", || scene.serving.stats().clients == 0).await;
    is_over.store(true, Ordering::Relaxed);
    watching.await.unwrap();
    // Each published ten times.
    assert_eq!(scene.serving.stats().frames_received, 2 * ROUNDS * 10);
}

fn sums(stats: &BrokerStats) -> [u64; 6] {
    [
        stats.frames_received,
        stats.bytes_received,
        stats.frames_sent,
        stats.bytes_sent,
        stats.dropped,
        stats.gaps,
    ]
}
