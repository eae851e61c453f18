//! A bus behind a guard, and policies that change.

use linkspan::auth::policy::{Guard, Policy, Role, Roles};
use linkspan::bus::{Broker, Delivery, PostError, SubscribeError, Tap};
use linkspan_test::wait;

use super::mixed::BusRt;
use super::scene::{Scene, next};
use crate::support::LOCAL;

/// A policy where this user may do what `rights` say, and no more.
fn policy(rights: &[&str]) -> Policy {
    let user = os::own_credentials().user.to_string();
    let rights = rights.iter().map(|right| right.parse().unwrap());
    let role = Role::new(rights).with_members([user]);
    Policy::new(Roles::new().with("tester", role)).without_owner()
}

#[tokio::test]
async fn rights_hold_for_topics_names_and_masks() {
    let rights = [
        "bus.publish:open/#",
        "bus.subscribe:news/+",
        "bus.send:open.?",
    ];
    let broker = Broker::new().guard(Guard::new(policy(&rights)));
    let scene = Scene::with(LOCAL, broker).await;
    let (client, _other) = (
        scene.client("open.one").await,
        scene.client("closed.one").await,
    );
    assert_eq!(client.publish("open/door", &1).await, Ok(Delivery::Nobody));
    drop(client.subscribe("news/+").await.unwrap());
    assert_eq!(client.send("open.one", &1).await, Ok(Delivery::Delivered));
    for denied in [
        client.publish("closed/door", &1).await,
        client.send("closed.one", &1).await,
        client.broadcast("open.*", &1).await,
    ] {
        assert!(matches!(denied, Err(PostError::Denied(_))), "{denied:?}");
    }
    for mask in ["news/#", "#", "+/local", "open/door"] {
        let denied = client.subscribe(mask).await;
        assert!(matches!(denied, Err(SubscribeError::Denied(_))), "{mask}");
    }
}

#[tokio::test]
async fn who_may_not_have_a_subscription_any_more_loses_it() {
    let all = [
        "bus.publish:*",
        "bus.subscribe:news/#",
        "bus.subscribe:open/#",
    ];
    let guard = Guard::new(policy(&all));
    let scene = Scene::with(LOCAL, Broker::new().guard(guard.clone())).await;
    let (client, other) = (scene.client("reader").await, scene.client("writer").await);
    let mut news = client.subscribe("news/#").await.unwrap();
    let mut open = client.subscribe("open/#").await.unwrap();
    assert_eq!(other.publish("news/1", &1).await, Ok(Delivery::Delivered));
    assert_eq!(next(&mut news).await.topic(), "news/1");

    guard.replace(policy(&["bus.publish:*", "bus.subscribe:open/#"]));
    assert_eq!(other.publish("news/2", &2).await, Ok(Delivery::Nobody));
    let lost = wait::within("the end", news.next()).await;
    assert!(
        matches!(lost, Some(Err(SubscribeError::Denied(_)))),
        "{lost:?}"
    );
    // The other one goes on as if nothing had happened.
    assert_eq!(other.publish("open/1", &1).await, Ok(Delivery::Delivered));
    let message = next(&mut open).await;
    assert_eq!((message.topic(), message.gap()), ("open/1", None));
}

#[tokio::test]
async fn who_may_not_tap_any_more_sees_nothing_any_more() {
    let guard = Guard::new(policy(&["bus.publish:*", "bus.tap:#"]));
    let scene = Scene::with(LOCAL, Broker::new().guard(guard.clone())).await;
    let (client, other) = (scene.client("watcher").await, scene.client("writer").await);
    let mut tap = client.tap(Tap::default()).await.unwrap();
    assert_eq!(other.publish("news/1", &1).await, Ok(Delivery::Nobody));
    let seen = wait::within("a message", tap.next()).await.unwrap();
    assert_eq!(seen.message.topic(), "news/1");
    guard.replace(policy(&["bus.publish:*"]));
    assert_eq!(other.publish("news/2", &2).await, Ok(Delivery::Nobody));
    let lost = wait::within("the end", tap.next()).await;
    assert!(matches!(lost, Err(SubscribeError::Denied(_))), "{lost:?}");
}

#[tokio::test]
async fn a_client_of_busrt_that_may_not_have_its_masks_any_more_is_disconnected() {
    let guard = Guard::new(policy(&["bus.subscribe:news/#"]));
    let scene = Scene::with(LOCAL, Broker::new().guard(guard.clone())).await;
    let mut reader = BusRt::join(scene.address(), "reader").await;
    let mut idle = BusRt::join(scene.address(), "idle").await;
    const SUBSCRIBE: u8 = 0x42;
    assert_eq!(reader.operate(SUBSCRIBE, b"news/#").await, 1);
    guard.replace(policy(&["bus.subscribe:news/+"]));
    wait::within("the end", reader.end()).await;
    // Who has nothing that it may not have stays.
    assert_eq!(idle.operate(SUBSCRIBE, b"news/+").await, 1);
}
