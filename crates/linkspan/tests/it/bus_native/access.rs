//! Who may do what.

use linkspan::bus::{Action, Broker, Delivery, Mask, PostError, Subscribe, SubscribeError};
use linkspan::rpc::CallError;

use super::mixed::BusRt;
use super::scene::{Scene, next};
use crate::support::LOCAL;

/// Everything below `open/` is for everybody, and nothing else but `news/+` to read.
fn guarded() -> Broker {
    let news = mask("news/+");
    Broker::new().authorize(move |principal, action| {
        let (sort, _) = principal.name.split_once(':').unwrap_or_default();
        let expected = if cfg!(windows) { "sid" } else { "uid" };
        assert!(sort == expected || principal.name == "anonymous");
        match action {
            Action::Publish(topic) => topic.starts_with("open/"),
            Action::Subscribe(wanted) => {
                wanted.as_str().starts_with("open/") || wanted.is_subset_of(&news)
            }
            Action::Send(name) => name.starts_with("open"),
            _ => false,
        }
    })
}

fn mask(text: &str) -> Mask {
    Mask::new(text, &Default::default()).unwrap()
}

#[tokio::test]
async fn what_is_denied_is_said_to_native_clients() {
    let scene = Scene::with("mem", guarded()).await;
    let (client, other) = (scene.client("closed").await, scene.client("open").await);
    let denied = client.publish("secret/1", &1).await;
    assert!(matches!(denied, Err(PostError::Denied(_))), "{denied:?}");
    for (wanted, is_allowed) in [
        ("open/x", true),
        ("news/+", true),
        ("news/today", true),
        ("news/#", false),
        ("#", false),
    ] {
        match client.subscribe(wanted).await {
            Ok(_) => assert!(is_allowed, "{wanted}"),
            Err(error) => {
                assert!(!is_allowed, "{wanted}");
                assert!(matches!(error, SubscribeError::Denied(_)), "{error:?}");
            }
        }
    }
    let partly = client.subscribe(Subscribe::to(["open/x", "#"])).await;
    assert!(
        matches!(partly, Err(SubscribeError::Denied(_))),
        "{partly:?}"
    );
    assert_eq!(client.send("open", &1).await, Ok(Delivery::Delivered));
    assert!(matches!(
        other.send("closed", &1).await,
        Err(PostError::Denied(_))
    ));
    let call = other.remote("closed").send_request::<()>("x", &()).await;
    assert!(matches!(call, Err(CallError::Failed(_))), "{call:?}");
    let reserved = client.publish(".broker/info", &1).await;
    assert!(
        matches!(reserved, Err(PostError::Denied(_))),
        "{reserved:?}"
    );
}

#[tokio::test]
async fn what_is_denied_is_denied_to_clients_of_busrt_too() {
    let scene = Scene::with(LOCAL, guarded()).await;
    let mut foreign = BusRt::join(scene.address(), "closed").await;
    const DENIED: u8 = 0x79;
    assert_eq!(foreign.operate(0x41, b"secret/1\0x").await, DENIED);
    assert_eq!(foreign.operate(0x41, b"open/1\0x").await, 1);
    assert_eq!(foreign.operate(0x42, b"open/x\0#").await, DENIED);
    assert_eq!(foreign.operate(0x42, b"news/today").await, 1);
    assert_eq!(foreign.operate(0x52, b"closed\0x").await, DENIED);
    let native = scene.client("open").await;
    let mut subscription = native.subscribe("open/#").await.unwrap();
    assert_eq!(foreign.operate(0x41, b"open/2\0x").await, 1);
    assert_eq!(next(&mut subscription).await.topic(), "open/2");
}
