//! Eve may do a little, and wants to do more.

use linkspan::bus::{Client, ClientConfig, Post, PostError, Subscribe, Tap};
use linkspan::rpc::CallError;

use super::Noted::{Audited, Nowhere};
use super::town::{Town, chain, join};
use super::{Attack, all_are_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_few_rights_does_not_get_more() {
    let town = Town::new().await;
    all_are_refused(&town, CALLS).await;
    all_are_refused(&town, MASKS).await;
    all_are_refused(&town, MESSAGES).await;
    all_are_refused(&town, NAMES).await;
    // What she may do she may still do.
    let eve = town.eve_on_the_bus().await;
    drop(eve.subscribe("news/+").await.unwrap());
}

const CALLS: &[Attack] = &[
    Attack {
        name: "a call without the right to it",
        done: |town| Box::pin(call(town, "vault.open")),
        told: "cert:eve may not rpc.call:vault.open",
        noted: Audited("rpc.call", "no_right", "vault.open"),
    },
    Attack {
        name: "a call of what there is not, to find out what there is",
        done: |town| Box::pin(call(town, "vault.absent")),
        told: "cert:eve may not rpc.call:vault.absent",
        noted: Audited("rpc.call", "no_right", "vault.absent"),
    },
    Attack {
        name: "a mask for a method",
        done: |town| Box::pin(call(town, "*")),
        told: "cert:eve may not rpc.call:*",
        noted: Audited("rpc.call", "no_right", "*"),
    },
    Attack {
        name: "a method below one that is allowed",
        done: |town| Box::pin(call(town, "open.door.back")),
        told: "cert:eve may not rpc.call:open.door.back",
        noted: Audited("rpc.call", "no_right", "open.door.back"),
    },
    Attack {
        name: "a method with an end that texts have elsewhere",
        done: |town| Box::pin(call(town, "vault.open\0open.door")),
        told: "cert:eve may not rpc.call:vault.open",
        noted: Audited("rpc.call", "no_right", "vault.open"),
    },
    Attack {
        name: "an event",
        done: |town| {
            Box::pin(async {
                let eve = town.eve().await;
                eve.send_event("vault/alarm", &()).await.unwrap();
                // Nobody answers events; the connection is as before.
                eve.send_request::<String>("open.door", "open")
                    .await
                    .unwrap()
            })
        },
        told: "open",
        noted: Audited("rpc.event", "no_right", "vault/alarm"),
    },
];

const MASKS: &[Attack] = &[
    Attack {
        name: "all topics",
        done: |town| Box::pin(subscribe(town, &["#"])),
        told: "access to \"#\" is denied",
        noted: Audited("bus.subscribe", "no_right", "\"#\""),
    },
    Attack {
        name: "all below where one level is allowed",
        done: |town| Box::pin(subscribe(town, &["news/#"])),
        told: "is denied",
        noted: Audited("bus.subscribe", "no_right", "news/#"),
    },
    Attack {
        name: "one level more",
        done: |town| Box::pin(subscribe(town, &["news/+/+"])),
        told: "is denied",
        noted: Audited("bus.subscribe", "no_right", "news/+/+"),
    },
    Attack {
        name: "another first level",
        done: |town| Box::pin(subscribe(town, &["+/today"])),
        told: "is denied",
        noted: Audited("bus.subscribe", "no_right", "+/today"),
    },
    Attack {
        name: "what the mask does not stand for",
        done: |town| Box::pin(subscribe(town, &["news"])),
        told: "is denied",
        noted: Audited("bus.subscribe", "no_right", "news"),
    },
    Attack {
        name: "a wide mask behind one that is allowed",
        done: |town| Box::pin(subscribe(town, &["news/today", "#"])),
        told: "access to \"#\" is denied",
        noted: Audited("bus.subscribe", "no_right", "\"#\""),
    },
    Attack {
        name: "a broadcast to everybody",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                refused(eve.broadcast("*", "hello").await)
            })
        },
        told: "is denied",
        noted: Audited("bus.send", "no_right", "*"),
    },
    Attack {
        name: "a broadcast to all whose names have one level",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                refused(eve.broadcast("?", "hello").await)
            })
        },
        told: "is denied",
        noted: Audited("bus.send", "no_right", "?"),
    },
];

const MESSAGES: &[Attack] = &[
    Attack {
        name: "a publication in the place of another",
        done: |town| Box::pin(publish(town, "ada/beat")),
        told: "access to \"ada/beat\" is denied",
        noted: Audited("bus.publish", "no_right", "ada/beat"),
    },
    Attack {
        name: "a publication where one may only read",
        done: |town| Box::pin(publish(town, "news/today")),
        told: "is denied",
        noted: Audited("bus.publish", "no_right", "news/today"),
    },
    Attack {
        name: "an event of the broker's",
        done: |town| Box::pin(publish(town, ".broker/client/unreg")),
        told: "is denied",
        noted: Audited("bus.publish", "reserved", ".broker/client/unreg"),
    },
    Attack {
        name: "an event of the broker's, when one is gone",
        done: |town| Box::pin(leave_behind(town, ".broker/client/unreg")),
        told: "is denied",
        noted: Audited("bus.publish", "reserved", ".broker/client/unreg"),
    },
    Attack {
        name: "a message to somebody who is not there, to find out who is",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                refused(eve.send("nobody", "hello").await)
            })
        },
        told: "access to \"nobody\" is denied",
        noted: Audited("bus.send", "no_right", "nobody"),
    },
    Attack {
        name: "a message to somebody else",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                refused(eve.send("ada", "hello").await)
            })
        },
        told: "is denied",
        noted: Audited("bus.send", "no_right", "ada"),
    },
    Attack {
        name: "a call to somebody else",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                failed(
                    eve.remote("ada")
                        .send_request::<()>("vault.open", &())
                        .await,
                )
            })
        },
        told: "denied",
        noted: Audited("bus.send", "no_right", "ada"),
    },
    Attack {
        name: "to watch what others say",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                eve.tap(Tap::default()).await.unwrap_err().to_string()
            })
        },
        told: "access to \"the traffic of others\" is denied",
        noted: Audited("bus.tap", "no_right", "#"),
    },
    Attack {
        name: "to see what could not be delivered",
        done: |town| {
            Box::pin(async {
                let eve = town.eve_on_the_bus().await;
                eve.dead_letter(1).await.unwrap_err().to_string()
            })
        },
        told: "denied",
        noted: Audited("bus.dead_letters", "no_right", "#"),
    },
];

const NAMES: &[Attack] = &[
    Attack {
        name: "the name of another",
        done: |town| Box::pin(name(town, "ada")),
        told: "the name is in use",
        // Whoever comes back before it was noticed that it went is told so, too.
        noted: Nowhere,
    },
    Attack {
        name: "the broker's name",
        done: |town| Box::pin(name(town, ".broker")),
        told: "name",
        noted: Nowhere,
    },
    Attack {
        name: "a name for two",
        done: |town| Box::pin(name(town, "ada\0eve")),
        told: "name",
        noted: Nowhere,
    },
    Attack {
        name: "to be a secondary of another, from the same machine",
        done: |town| Box::pin(name(town, "ada%%1")),
        told: "the primary client is another peer",
        noted: Audited("bus.join", "foreign_secondary", "ada%%1"),
    },
];

async fn call(town: &Town, method: &str) -> String {
    failed(town.eve().await.send_request::<String>(method, &()).await)
}

async fn subscribe(town: &Town, masks: &[&str]) -> String {
    let eve = town.eve_on_the_bus().await;
    let subscribed = eve.subscribe(Subscribe::to(masks.iter().copied())).await;
    subscribed.expect_err("the right is missing").to_string()
}

async fn publish(town: &Town, topic: &str) -> String {
    refused(town.eve_on_the_bus().await.publish(topic, "hello").await)
}

/// A last will that is to be published under a topic.
async fn leave_behind(town: &Town, topic: &str) -> String {
    let mut config = ClientConfig::default();
    config.transport.tls = town.tls_of_eve();
    config.will = Some(Post::to_topic(topic, &"gone").unwrap());
    let joined = Client::connect_with(town.address(), "eve", config).await;
    chain(&joined.expect_err("the topic is the broker's"))
}

async fn name(town: &Town, name: &str) -> String {
    let joined = join(town.address(), name, town.tls_of_eve()).await;
    joined.expect_err("the name is not Eve's").to_string()
}

fn refused<T: std::fmt::Debug>(result: Result<T, PostError>) -> String {
    result.expect_err("the right is missing").to_string()
}

fn failed<T: std::fmt::Debug>(result: Result<T, CallError>) -> String {
    result.expect_err("the right is missing").to_string()
}
