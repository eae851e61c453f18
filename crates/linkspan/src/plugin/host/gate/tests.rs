//! What plugins may do, over real connections with them.
#![cfg(unix)]

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkspan_test::wait;
use proto::error::Category;

use super::*;
use crate::auth::quota::Quota;
use crate::auth::{Audit, Principal};
use crate::codec::{Codec, Payload};
use crate::plugin::host::Surroundings;
use crate::rpc::{CallError, Context, Router};
use crate::session::{Config, Connection};
use crate::transport::Connected;

/// A gate, and a plugin at it.
struct Tried {
    gate: Gate,
    /// The host's end.
    host: Connection,
    /// The plugin's end.
    plugin: Connection,
    /// What the plugin heard, and what the host's own events were.
    told: Told,
    own: Told,
}

type Told = Arc<Mutex<Vec<String>>>;

async fn tried(grants: &[&str], surroundings: impl Surroundings, config: GateConfig) -> Tried {
    tried_with(grants, surroundings, config, Arc::default()).await
}

async fn tried_with(
    grants: &[&str],
    surroundings: impl Surroundings,
    config: GateConfig,
    told: Told,
) -> Tried {
    let grants: Vec<_> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    let name = "tried".parse().unwrap();
    let gate = Gate::new(&name, &grants, Arc::new(surroundings), config);
    let own = Told::default();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let host = Connected::from_unix(ours, gate.principal().clone()).unwrap();
    let plugin = Connected::from_unix(theirs, Principal::named("host")).unwrap();
    let settings = Arc::new(Config::default());
    let (client, server) = tokio::join!(
        Connection::over(host, &settings, gate.handler(Arc::new(hears(&own)))),
        Connection::serving(plugin, &settings, Arc::new(hears(&told))),
    );
    let (host, (plugin, _)) = (client.unwrap(), server.unwrap());
    Tried {
        gate,
        host,
        plugin,
        told,
        own,
    }
}

/// Takes note of events of a few topics.
fn hears(told: &Told) -> Router {
    let topics = ["linkspan.log", "a/1", "a/2", "b/1", "linkspan.plugin.ready"];
    topics.into_iter().fold(Router::new(), |router, topic| {
        let told = Arc::clone(told);
        router.on_event(topic, move |body: String, _| {
            told.lock().unwrap().push(format!("{topic} {body}"));
            std::future::ready(())
        })
    })
}

fn services() -> Router {
    let answer = async |(): (), context: Context| Ok::<_, CallError>(context.principal().name);
    Router::new()
        .method("host.name", answer)
        .method("host.secret", answer)
}

fn body(text: &str) -> Payload {
    Payload::new(Codec::Msgpack, Codec::Msgpack.encode(text).unwrap())
}

fn lines(told: &Told) -> Vec<String> {
    told.lock().unwrap().clone()
}

#[tokio::test]
async fn it_calls_what_it_was_granted_and_nothing_else() {
    let written = Told::default();
    let lines_of = Arc::clone(&written);
    let audit = Audit::to(move |line| {
        lines_of.lock().unwrap().push(line.to_owned());
        Ok(())
    });
    let config = GateConfig {
        audit: Some(audit),
        ..GateConfig::default()
    };
    let grants = ["rpc.call:host.name", "fs.read:/tmp"];
    let tried = tried(&grants, Switchboard::new(services()), config).await;
    let name: String = tried.plugin.send_request("host.name", &()).await.unwrap();
    assert_eq!(name, "plugin:tried");
    for method in ["host.secret", "host.missing", "linkspan.methods"] {
        let denied = tried.plugin.send_request::<String>(method, &()).await;
        let Err(CallError::Failed(failure)) = denied else {
            panic!("{denied:?}");
        };
        assert_eq!(failure.category, Category::Authorization);
        let expected = format!("plugin:tried may not rpc.call:{method}");
        assert_eq!(failure.message, expected);
    }
    assert_eq!(tried.gate.stats().denied, 3);
    let written = lines(&written);
    assert_eq!(written.len(), 3);
    for part in [
        "\"rpc.call\"",
        "\"host.secret\"",
        "\"plugin:tried\"",
        "\"host\"",
        "no_right",
    ] {
        assert!(written[0].contains(part), "{part}: {}", written[0]);
    }
}

#[tokio::test]
async fn it_publishes_under_topics_that_it_was_granted() {
    let published = Told::default();
    let told = Arc::clone(&published);
    let switchboard = Switchboard::default().on_publish(move |plugin, event| {
        let text: String = event.payload.codec.decode(&event.payload.bytes).unwrap();
        told.lock()
            .unwrap()
            .push(format!("{} {} {text}", plugin.name, event.topic));
    });
    let tried = tried(&["bus.publish:a/#"], switchboard, GateConfig::default()).await;
    for topic in [
        "b/1",
        "a",
        "a/1",
        "#",
        "linkspan.log",
        "linkspan.other",
        "a/2/3",
    ] {
        tried.plugin.send_event(topic, topic).await.unwrap();
    }
    wait::until("all events", || lines(&published).len() == 2).await;
    assert_eq!(
        lines(&published),
        ["plugin:tried a/1 a/1", "plugin:tried a/2/3 a/2/3"]
    );
    assert_eq!(lines(&tried.own), ["linkspan.log linkspan.log"]);
    let stats = tried.gate.stats();
    assert_eq!((stats.published, stats.denied), (2, 3));
}

#[tokio::test]
async fn no_grant_lets_it_publish_what_is_the_protocol_s_own() {
    let published = Told::default();
    let told = Arc::clone(&published);
    let switchboard = Switchboard::default().on_publish(move |_, event| {
        told.lock().unwrap().push(event.topic.clone());
    });
    let tried = tried(&["bus.publish:*"], switchboard, GateConfig::default()).await;
    for topic in [
        "linkspan.plugin.ready",
        "linkspan.bus",
        "linkspan.log",
        "last",
    ] {
        tried.plugin.send_event(topic, topic).await.unwrap();
    }
    wait::until("the last one", || !lines(&published).is_empty()).await;
    assert_eq!(lines(&published), ["last"]);
}

#[tokio::test]
async fn it_hears_of_masks_that_it_was_granted_as_a_whole() {
    let switchboard = Switchboard::default();
    let grants = ["bus.subscribe:a/+"];
    let tried = tried(&grants, switchboard.clone(), GateConfig::default()).await;
    let masks = ["a/1", "a/+", "a/#", "#", "b/1"].map(str::to_owned);
    let listening = tried.gate.listen(&tried.host, &masks).await;
    assert_eq!(listening.denied(), ["a/#", "#", "b/1"]);
    let reached: Vec<_> = ["a/1", "b/1", "a/2"]
        .map(|topic| switchboard.publish(topic, body(topic)))
        .into();
    assert_eq!(reached, [1, 0, 1]);
    wait::until("what it hears", || lines(&tried.told).len() == 2).await;
    // Two masks stand for the first, and it comes once.
    assert_eq!(lines(&tried.told), ["a/1 a/1", "a/2 a/2"]);
    assert_eq!(tried.gate.stats().heard, 2);
    drop(listening);
    assert_eq!(switchboard.publish("a/1", body("late")), 0);
}

#[tokio::test]
async fn two_plugins_hear_each_other_and_not_themselves() {
    let switchboard = Switchboard::default();
    let grants = ["bus.subscribe:a/#", "bus.publish:a/#"];
    let one = tried(&grants, switchboard.clone(), GateConfig::default()).await;
    let other_name = "other".parse().unwrap();
    let grants: Vec<_> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    let around: Arc<dyn Surroundings> = Arc::new(switchboard);
    let other = Gate::new(&other_name, &grants, around, GateConfig::default());
    let masks = ["a/#".to_owned()];
    let told = Told::default();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let ours = Connected::from_unix(ours, other.principal().clone()).unwrap();
    let theirs = Connected::from_unix(theirs, Principal::named("host")).unwrap();
    let settings = Arc::new(Config::default());
    let (ours, theirs) = tokio::join!(
        Connection::over(ours, &settings, other.handler(Arc::new(Router::new()))),
        Connection::serving(theirs, &settings, Arc::new(hears(&told))),
    );
    let (ours, _theirs) = (ours.unwrap(), theirs.unwrap());
    let _listening = [
        one.gate.listen(&one.host, &masks).await,
        other.listen(&ours, &masks).await,
    ];
    one.plugin.send_event("a/1", "hello").await.unwrap();
    wait::until("the other hears", || lines(&told) == ["a/1 hello"]).await;
    assert!(lines(&one.told).is_empty());
}

#[tokio::test]
async fn one_that_does_not_read_misses_the_oldest_events() {
    let switchboard = Switchboard::default();
    let config = GateConfig {
        max_queued_events: 10,
        max_queued_bytes: 1 << 20,
        ..GateConfig::default()
    };
    let grants = ["bus.subscribe:#"];
    let tried = tried(&grants, switchboard.clone(), config).await;
    let masks = ["#".to_owned()];
    let _listening = tried.gate.listen(&tried.host, &masks).await;
    // Nothing is sent before this task waits.
    for number in 0..100 {
        switchboard.publish("a/1", body(&number.to_string()));
    }
    switchboard.publish("linkspan.log", body("never"));
    wait::until("the last ones", || lines(&tried.told).len() == 10).await;
    assert_eq!(lines(&tried.told)[9], "a/1 99");
    assert_eq!(tried.gate.stats().missed, 90);
    assert_eq!(switchboard.publish("a/1", body(&"x".repeat(2 << 20))), 1);
    assert_eq!(tried.gate.stats().missed, 91);
}

#[tokio::test]
async fn a_flood_of_what_is_denied_harms_nobody() {
    let written = Told::default();
    let lines_of = Arc::clone(&written);
    let audit = Audit::to(move |line| {
        lines_of.lock().unwrap().push(line.to_owned());
        Ok(())
    });
    let config = GateConfig {
        audit: Some(audit),
        ..GateConfig::default()
    };
    let tried = tried(
        &["rpc.call:host.name"],
        Switchboard::new(services()),
        config,
    )
    .await;
    for _ in 0..20_000 {
        tried.plugin.send_event("b/1", "x").await.unwrap();
    }
    let name = tried.plugin.send_request::<String>("host.name", &());
    wait::within("an answer", name).await.unwrap();
    wait::until("all of them", || tried.gate.stats().denied == 20_000).await;
    let written = lines(&written).len();
    assert!((100..10_000).contains(&written), "{written}");
}

#[tokio::test]
async fn a_quota_is_for_all_that_it_does() {
    let number = |number| std::num::NonZeroU32::new(number).unwrap();
    let config = GateConfig {
        quota: Quota::rate(number(1), number(3)),
        ..GateConfig::default()
    };
    let grants = ["rpc.call:host.name", "bus.publish:#"];
    let tried = tried(&grants, Switchboard::new(services()), config).await;
    for _ in 0..2 {
        tried.plugin.send_event("a/1", "x").await.unwrap();
    }
    wait::until("its events", || tried.gate.stats().published == 2).await;
    let name = tried.plugin.send_request::<String>("host.name", &());
    name.await.unwrap();
    let refused = tried.plugin.send_request::<String>("host.name", &()).await;
    let Err(CallError::Failed(failure)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(failure.category, Category::Limit);
    assert!(failure.retry_after > Some(Duration::from_secs(1)));
    assert_eq!(tried.gate.stats().over_quota, 1);
}
