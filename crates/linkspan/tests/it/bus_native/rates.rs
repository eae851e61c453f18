//! Messages that come faster than they may.

use std::time::Duration;

use linkspan::bus::{Broker, Config, Delivery, Mask, Post, PostError, Rate, Rates};
use linkspan::rpc::{CallError, Context, Router};
use linkspan::{Code, bus};
use linkspan_test::wait;

use super::scene::{Scene, next, number};
use crate::support::SCHEMES;

/// A broker with rates.
fn limited(adjust: impl FnOnce(&mut Rates)) -> Broker {
    let mut config = Config::default();
    adjust(&mut config.rates);
    Broker::new().config(config)
}

fn mask(text: &str) -> Mask {
    text.parse().unwrap()
}

/// The time after which a message may come.
fn wait_of(posted: Result<Delivery, PostError>) -> Duration {
    match posted {
        Err(PostError::Limited { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_is_too_fast_is_told_when_to_come_back() {
    for scheme in SCHEMES {
        let broker = limited(|rates| rates.per_client = Some(Rate::new(5, 3)));
        let scene = Scene::with(scheme, broker).await;
        let (fast, other) = (scene.client("fast").await, scene.client("other").await);
        let mut got = other.subscribe("t").await.unwrap();
        let mut passed = 0;
        let wait = loop {
            match fast.publish("t", &passed).await {
                Ok(Delivery::Delivered) => passed += 1,
                refused => break wait_of(refused),
            }
        };
        assert!(passed >= 3, "{passed} over {scheme}");
        assert!(wait <= Duration::from_millis(202), "{wait:?}");
        for expected in 0..passed {
            assert_eq!(number(&mut got).await, expected);
        }
        // Neither acknowledged nor passed on.
        let refused = || scene.serving.stats().rate_limited;
        let before = refused();
        let flood = async {
            while refused() == before {
                fast.publish_unacked("t", &passed).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        wait::within("one to be refused", flood).await;
        // What somebody else does is not counted with it.
        assert_eq!(other.publish("t", &5).await, Ok(Delivery::Delivered));
    }
}

#[tokio::test(start_paused = true)]
async fn every_way_to_say_something_counts_and_secondaries_share() {
    let broker = limited(|rates| rates.per_client = Some(Rate::new(1, 4)));
    let scene = Scene::with("mem", broker).await;
    let (one, two) = (scene.client("one").await, scene.client("two").await);
    let second = scene.client("one%%b").await;
    assert_eq!(one.publish("t", &1).await, Ok(Delivery::Nobody));
    assert_eq!(one.send("two", &1).await, Ok(Delivery::Delivered));
    assert_eq!(one.broadcast("two", &1).await, Ok(Delivery::Delivered));
    let for_two = Post::to_topic_for("two", "t", &1).unwrap();
    assert_eq!(second.post(&for_two).await, Ok(Delivery::Nobody));
    for client in [&one, &second] {
        assert!(wait_of(client.send("two", &2).await) <= Duration::from_millis(1001));
    }
    drop(two);
}

#[tokio::test(start_paused = true)]
async fn a_callee_answers_as_often_as_it_is_asked() {
    let broker = limited(|rates| rates.per_client = Some(Rate::new(1, 8)));
    let scene = Scene::with("mem", broker).await;
    let callee = scene.client("callee").await;
    callee.serve(
        Router::new().method(
            "echo",
            |n: u64, _: Context| async move { Ok::<_, CallError>(n) },
        ),
    );
    for name in ["a", "b", "c"] {
        let remote = scene.client(name).await.remote("callee");
        for n in 0..8_u64 {
            assert_eq!(remote.send_request::<u64>("echo", &n).await, Ok(n));
        }
        let refused = remote.send_request::<u64>("echo", &9_u64).await;
        let Err(CallError::Failed(failure)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(failure.code, Code::BUSY);
        assert!(
            failure.retryable && failure.retry_after.is_some(),
            "{failure:?}"
        );
    }
    // What it says of its own accord counts.
    for _ in 0..8 {
        assert_eq!(callee.publish("t", &1).await, Ok(Delivery::Nobody));
    }
    wait_of(callee.publish("t", &1).await);
}

#[tokio::test(start_paused = true)]
async fn topics_of_a_mask_share_a_rate_and_each_mask_has_to_allow_it() {
    let broker = limited(|rates| {
        rates.topics = vec![
            (mask("s/#"), Rate::new(1, 5)),
            (mask("s/+/fast"), Rate::new(1, 2)),
        ];
    });
    let scene = Scene::with("mem", broker).await;
    let (one, two) = (scene.client("one").await, scene.client("two").await);
    for client in [&one, &two] {
        assert_eq!(client.publish("s/x/fast", &1).await, Ok(Delivery::Nobody));
    }
    for client in [&one, &two] {
        wait_of(client.publish("s/y/fast", &1).await);
    }
    // What one rate refused did not cost anything of the other.
    for client in [&one, &two, &one] {
        assert_eq!(client.publish("s/slow", &1).await, Ok(Delivery::Nobody));
    }
    wait_of(two.publish("s/slow", &1).await);
    assert_eq!(two.publish("other", &1).await, Ok(Delivery::Nobody));
    assert_eq!(two.send("one", &1).await, Ok(Delivery::Delivered));
    assert_eq!(scene.serving.stats().rate_limited, 3);
}

#[tokio::test(start_paused = true)]
async fn rates_change_while_a_broker_runs() {
    let scene = Scene::at("mem").await;
    let client = scene.client("one").await;
    let mut got = scene.client("two").await.subscribe("t").await.unwrap();
    for expected in 0..100 {
        assert_eq!(
            client.publish("t", &expected).await,
            Ok(Delivery::Delivered)
        );
        assert_eq!(next(&mut got).await.decode(), Ok(expected));
    }
    let broker = scene.serving.broker();
    let mut rates = Rates::default();
    rates.per_client = Some(Rate::new(1, 1));
    broker.set_rates(&rates).unwrap();
    assert_eq!(client.publish("t", &1).await, Ok(Delivery::Delivered));
    wait_of(client.publish("t", &2).await);
    rates.per_client = Some(Rate::new(0, 1));
    let refused = broker.set_rates(&rates).unwrap_err();
    assert!(
        matches!(refused, bus::ConfigError::TooSmall { .. }),
        "{refused}"
    );
    tokio::time::advance(wait_of(client.publish("t", &3).await)).await;
    assert_eq!(client.publish("t", &3).await, Ok(Delivery::Delivered));
    broker.set_rates(&Rates::default()).unwrap();
    assert_eq!(client.publish("t", &4).await, Ok(Delivery::Delivered));
}
