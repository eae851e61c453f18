//! Principals that want more of a bus than their quotas.

use std::num::NonZeroU32;
use std::time::Duration;

use linkspan::auth::policy::{Capability, Guard, Policy, Role, Roles};
use linkspan::auth::quota::{Quota, Quotas};
use linkspan::auth::{self, ApiKeys, Authentication, Credential};
use linkspan::bus::{
    Broker, Client, ClientConfig, Delivery, PostError, Subscribe, SubscribeError, Subscription,
};
use linkspan::rpc::{CallError, Server};
use linkspan::{Address, Code};
use linkspan_test::wait;

use super::mixed::BusRt;
use super::scene::Scene;
use crate::support::{LOCAL, address};

/// A guard that permits everything, within quotas that are for the owner, too.
fn guard(mut quotas: Quotas) -> Guard {
    quotas.owner_is_exempt = false;
    let everything = Role::new([Capability::EVERYTHING]).with_members(["*"]);
    let guard = Guard::new(Policy::new(Roles::new().with("anybody", everything)));
    guard.replace_quotas(quotas);
    guard
}

fn rate(per_minute: u32, burst: u32) -> Quota {
    let number = |number| NonZeroU32::new(number).unwrap();
    Quota::rate(number(per_minute), number(burst))
}

fn within(right: &str, quota: Quota) -> Quotas {
    Quotas::default().with(right.parse().unwrap(), quota)
}

fn is_limited(posted: &Result<Delivery, PostError>) -> bool {
    matches!(posted, Err(PostError::Limited { retry_after }) if !retry_after.is_zero())
}

#[tokio::test]
async fn one_principal_floods_by_any_name_and_the_other_is_unharmed() {
    let keys = ApiKeys::new([]).unwrap();
    let authentication = Authentication::new(auth::Config::default().with(keys.clone()));
    let guard = guard(within("bus.publish:*", rate(6, 4)));
    let broker = Broker::new()
        .authentication(authentication)
        .guard(guard.clone());
    let scene = Scene::with(LOCAL, broker).await;
    let join = async |principal: &str, name: &str| {
        let key = keys.issue(principal, Vec::new(), None).unwrap();
        let mut config = ClientConfig::default();
        config.session.credential = Some(Credential::key(key));
        scene.client_with(name, config).await
    };
    let (one, other) = (join("flooding", "one").await, join("quiet", "other").await);
    for _ in 0..4 {
        assert_eq!(one.publish("t", &1).await, Ok(Delivery::Nobody));
    }
    for _ in 0..20 {
        assert!(is_limited(&one.publish("t", &1).await));
    }
    for _ in 0..4 {
        assert_eq!(other.publish("t", &1).await, Ok(Delivery::Nobody));
    }
    assert!(is_limited(&other.publish("t", &1).await));
    // What is no publication is another matter.
    assert_eq!(one.send("other", &1).await, Ok(Delivery::Delivered));
    assert_eq!(guard.stats().too_fast, 21);
    assert_eq!(scene.serving.stats().rate_limited, 21);
}

#[tokio::test]
async fn who_comes_back_when_told_is_let_through() {
    let broker = Broker::new().guard(guard(within("bus.publish:*", rate(600, 1))));
    let scene = Scene::with(LOCAL, broker).await;
    let client = scene.client("a").await;
    let mut waited = 0;
    while waited < 3 {
        if let Err(PostError::Limited { retry_after }) = client.publish("t", &1).await {
            tokio::time::sleep(retry_after).await;
            assert_eq!(client.publish("t", &1).await, Ok(Delivery::Nobody));
            waited += 1;
        }
    }
}

/// Subscribes, unless that is too much.
async fn subscribe(client: &Client, mask: &str) -> Option<Subscription> {
    match client.subscribe(mask).await {
        Ok(subscription) => Some(subscription),
        Err(SubscribeError::Call(CallError::Failed(failure))) => {
            assert_eq!(failure.code, Code::BUSY);
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_subscription_is_about_something_and_of_a_size() {
    let scene = Scene::with(LOCAL, Broker::new()).await;
    let client = scene.client("a").await;
    let wanted = || Subscribe::from("t/#");
    let mut nothing = wanted();
    nothing.masks.clear();
    let mut group = wanted();
    group.group = Some("g".repeat(5000));
    let mut exclusions = wanted();
    exclusions.exclude = (0..10_001).map(|number| format!("t/{number}")).collect();
    for wrong in [nothing, group, exclusions.clone()] {
        let refused = client.subscribe(wrong).await.unwrap_err();
        let SubscribeError::Call(CallError::Failed(failure)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(failure.code, Code::INVALID_PARAMETERS);
    }
    exclusions.exclude.pop();
    drop(client.subscribe(exclusions).await.unwrap());
}

#[tokio::test]
async fn a_subscription_has_its_place_until_it_ends() {
    let one = Quota::default().at_once(NonZeroU32::MIN);
    let broker = Broker::new().guard(guard(within("bus.subscribe:*", one)));
    let scene = Scene::with(LOCAL, broker).await;
    let (client, again) = (scene.client("a").await, scene.client("b").await);
    let has_place = async |client: &Client| {
        let subscribing = async {
            loop {
                match subscribe(client, "t/#").await {
                    Some(subscription) => break subscription,
                    None => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        wait::within("a place", subscribing).await
    };
    let first = has_place(&client).await;
    assert!(subscribe(&client, "u/#").await.is_none());
    // It is one principal, by whatever name.
    assert!(subscribe(&again, "u/#").await.is_none());
    drop(first);
    drop(has_place(&client).await);
    let lost = has_place(&again).await;
    // A connection that is gone has no subscriptions any more.
    drop((lost, again));
    drop(has_place(&client).await);
}

#[tokio::test]
async fn a_client_of_busrt_that_wants_too_much_is_told_that_the_broker_is_busy() {
    let broker = Broker::new().guard(guard(Quotas::new(rate(1, 3))));
    let scene = Scene::with(LOCAL, broker).await;
    let mut client = BusRt::join(scene.address(), "a").await;
    const SUBSCRIBE: u8 = 0x42;
    const PUBLISH: u8 = 0x41;
    const OK: u8 = 1;
    const BUSY: u8 = 0x76;
    assert_eq!(client.operate(SUBSCRIBE, b"a/#\0b/#").await, OK);
    assert_eq!(client.operate(PUBLISH, b"x\0payload").await, OK);
    assert_eq!(client.operate(PUBLISH, b"x\0payload").await, OK);
    assert_eq!(client.operate(PUBLISH, b"x\0payload").await, BUSY);
    assert_eq!(client.operate(SUBSCRIBE, b"c/#").await, BUSY);
    assert_eq!(scene.serving.stats().masks, 3);
}

#[tokio::test]
async fn where_calls_are_taken_a_message_costs_once() {
    let guard = guard(Quotas::new(rate(1, 4)));
    let broker = Broker::new().guard(guard.clone()).embed().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let serving = Server::new()
        .service(broker.router())
        .guard(guard)
        .listen(&address(LOCAL, &directory))
        .await
        .unwrap();
    let address: &Address = serving.address();
    // To get a name is a call.
    let client = Client::connect(address, "a").await.unwrap();
    for _ in 0..3 {
        assert_eq!(client.publish("t", &1).await, Ok(Delivery::Nobody));
    }
    assert!(is_limited(&client.publish("t", &1).await));
}

#[tokio::test]
async fn subscriptions_come_back_to_a_broker_as_fast_as_it_takes_them() {
    let slowly = || Broker::new().guard(guard(within("bus.subscribe:*", rate(120, 1))));
    let scene = Scene::with(LOCAL, slowly()).await;
    let client = scene.client("a").await;
    let mut subscriptions = Vec::new();
    while subscriptions.len() < 3 {
        let mask = format!("t/{}", subscriptions.len());
        match client.subscribe(&mask).await {
            Ok(subscription) => subscriptions.push(subscription),
            Err(SubscribeError::Call(error)) => {
                tokio::time::sleep(error.retry_after().unwrap()).await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let address = scene.address().clone();
    scene.serving.stop(Duration::from_millis(100)).await;
    let serving = slowly().listen(address).await.unwrap();
    // The first one needs no leave, the others wait for theirs.
    wait::until("all masks", || serving.stats().masks == 4).await;
    assert!(serving.stats().rate_limited >= 1);
    for (number, subscription) in subscriptions.iter_mut().enumerate() {
        let topic = format!("t/{number}");
        assert_eq!(
            client.publish(&topic, &number).await,
            Ok(Delivery::Delivered)
        );
        let message = wait::within("a message", subscription.next()).await;
        assert_eq!(message.unwrap().unwrap().topic(), topic);
    }
}
