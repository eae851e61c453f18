//! What a rule refuses, and how clients are told.

use linkspan::bus::{Action, Broker, Compat, Config};
use proto::topic::{Limits, Mask};

use super::raw::{
    ACCESS_DENIED, ACKED, BROADCAST, Client, MESSAGE, OK, PUBLISH, PUBLISH_FOR, SUBSCRIBE, body,
};
use super::scene::Scene;

/// A broker where one may read news, publish no secrets and not disturb the boss.
async fn scene(compat: Compat) -> Scene {
    let news = Mask::new("news/+", &Limits::default()).unwrap();
    let mut config = Config::default();
    config.compat = compat;
    let broker = Broker::new().config(config);
    let broker = broker.authorize(move |_, action| match action {
        Action::Subscribe(mask) => mask.is_subset_of(&news),
        Action::Publish(topic) => topic != "secret",
        Action::Send(name) => name != "boss",
        _ => false,
    });
    Scene::of(broker).await
}

#[tokio::test]
async fn a_right_covers_masks_that_are_its_subsets() {
    let scene = scene(Compat::Honest).await;
    let mut client = scene.client("client").await;
    for (mask, status) in [
        ("news/+", OK),
        ("news/sport", OK),
        // BUS/RT takes a mask for a topic, and grants these.
        ("news/#", ACCESS_DENIED),
        ("+/+", ACCESS_DENIED),
        ("#", ACCESS_DENIED),
    ] {
        assert_eq!(
            client.ask(SUBSCRIBE, mask.as_bytes()).await,
            status,
            "{mask}"
        );
    }
    assert_eq!(client.publish("news/a/b", b"deep").await, OK);
    assert_eq!(client.publish("news/a", b"shallow").await, OK);
    client.expect_payloads(&["shallow"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_list_that_is_partly_refused_has_one_ack_or_many() {
    let one = &[ACCESS_DENIED][..];
    let many = &[ACCESS_DENIED, ACCESS_DENIED, OK][..];
    for (compat, acks) in [(Compat::Honest, one), (Compat::Strict, many)] {
        let scene = scene(compat).await;
        let mut client = scene.client("client").await;
        let list = b"news/a\0#\0secret\0news/b";
        let id = client.operate(SUBSCRIBE, ACKED, list).await;
        for status in acks {
            assert_eq!(client.ack(id).await, *status, "{compat:?}");
        }
        assert_eq!(client.publish("news/b", b"allowed").await, OK);
        client.expect_payloads(&["allowed"]).await;
        scene.stop().await;
    }
}

#[tokio::test]
async fn what_may_not_be_sent_is_denied_and_goes_nowhere() {
    for compat in [Compat::Honest, Compat::Strict] {
        let scene = scene(compat).await;
        let mut boss = scene.client("boss").await;
        let mut client = scene.client("client").await;
        for (code, texts) in [
            (PUBLISH, &["secret"][..]),
            (PUBLISH_FOR, &["secret", "boss"]),
            (MESSAGE, &["boss"]),
            (BROADCAST, &["boss"]),
        ] {
            assert_eq!(client.ask(code, &body(texts, b"psst")).await, ACCESS_DENIED);
        }
        expect_nothing(&mut boss, &mut client).await;
        scene.stop().await;
    }
}

/// Expects that the next thing that somebody gets is a broadcast to all.
async fn expect_nothing(somebody: &mut Client, other: &mut Client) {
    assert_eq!(other.broadcast("*", b"to all").await, OK);
    assert_eq!(somebody.delivery().await.payload, b"to all");
}
