//! In the name of another client, and in the broker's, by clients of BUS/RT.

use std::num::NonZeroU32;

use linkspan::auth::policy::{Capability, Policy, Role, Roles};
use linkspan::auth::quota::{Quota, Quotas};
use linkspan::bus::Broker;
use serde_json::Value;

use super::town::guard;
use crate::audit_lines::AuditLines;
use crate::bus_busrt::raw::{ACCESS_DENIED, BUSY, Client, MESSAGE, PUBLISH, PUBLISH_FOR, body};
use crate::bus_busrt::scene::Scene;

/// A broker where everybody may do everything, within quotas that are for the owner, too.
async fn scene(right: &str, quotas: Quotas, lines: &AuditLines) -> Scene {
    let all: Capability = right.parse().unwrap();
    let roles = Roles::new().with("anybody", Role::new([all]).with_members(["*"]));
    let guard = guard(Policy::new(roles).without_owner(), lines);
    guard.replace_quotas(quotas);
    Scene::of(Broker::new().guard(guard)).await
}

fn five_at_once(right: &str) -> Quotas {
    let number = |number| NonZeroU32::new(number).unwrap();
    let quota = Quota::rate(number(1), number(5));
    let mut quotas = Quotas::default().with(right.parse().unwrap(), quota);
    quotas.owner_is_exempt = false;
    quotas
}

/// What, about what and why of each line.
fn denied(lines: &AuditLines) -> Vec<(Value, Value, Value)> {
    let lines = lines.since(0).into_iter();
    lines
        .map(|line| {
            assert_eq!(line.get("decision").unwrap(), "denied", "{line}");
            let part = |name: &str| line.get(name).unwrap().clone();
            (part("action"), part("resource"), part("reason"))
        })
        .collect()
}

#[tokio::test]
async fn a_secondary_of_another_is_noted_with_its_name() {
    let lines = AuditLines::default();
    let scene = scene("*", Quotas::default(), &lines).await;
    let _primary = scene.client("admin").await;
    // Nobody knows whether a network address is the same process as one on a local socket.
    let refused = Client::try_join(&scene.tcp, b"admin%%x").await.err();
    assert_eq!(refused, Some(Some(ACCESS_DENIED)));
    let expected = ["bus.join", "admin%%x", "foreign_secondary"].map(Value::from);
    assert_eq!(denied(&lines), [expected.into()]);
    assert_eq!(scene.stats().denied, 1);
    scene.stop().await;
}

#[tokio::test]
async fn names_of_others_fill_no_log() {
    let lines = AuditLines::default();
    let scene = scene("*", five_at_once("*"), &lines).await;
    let _primary = scene.client("admin").await;
    for _ in 0..20 {
        let refused = Client::try_join(&scene.tcp, b"admin%%x").await.err();
        assert_eq!(refused, Some(Some(ACCESS_DENIED)));
    }
    assert_eq!(denied(&lines).len(), 5);
    assert_eq!(scene.stats().denied, 20);
    scene.stop().await;
}

#[tokio::test]
async fn publications_in_the_brokers_name_are_noted_within_quotas() {
    let lines = AuditLines::default();
    let scene = scene("*", five_at_once("bus.publish:*"), &lines).await;
    let mut client = scene.client("client").await;
    let mut told = Vec::new();
    for _ in 0..10 {
        told.push(client.publish(".broker/info", b"x").await);
        let one = body(&[".broker/warn", "client"], b"x");
        told.push(client.ask(PUBLISH_FOR, &one).await);
    }
    assert_eq!(told[..5], [ACCESS_DENIED; 5]);
    assert_eq!(told[5..], [BUSY; 15]);
    let expected = |topic: &str| -> (Value, Value, Value) {
        ["bus.publish", topic, "reserved"].map(Value::from).into()
    };
    let (info, warn) = (expected(".broker/info"), expected(".broker/warn"));
    assert_eq!(
        denied(&lines),
        [info.clone(), warn.clone(), info.clone(), warn, info]
    );
    assert_eq!(scene.stats().denied, 5);
    scene.stop().await;
}

#[tokio::test]
async fn who_is_there_is_not_learned_by_sending() {
    let lines = AuditLines::default();
    let scene = scene("bus.publish:*", Quotas::default(), &lines).await;
    let _there = scene.client("there").await;
    let mut client = scene.client("client").await;
    for name in ["there", "absent"] {
        assert_eq!(
            client.ask(MESSAGE, &body(&[name], b"x")).await,
            ACCESS_DENIED
        );
    }
    assert_eq!(client.ask(PUBLISH, &body(&["t"], b"x")).await, 1);
    assert_eq!(denied(&lines).len(), 2);
    scene.stop().await;
}
