//! Which ack which operation gets, by the broker's own rules and by those of BUS/RT.

use std::time::{Duration, Instant};

use linkspan::bus::{Compat, Overflow, Rate};
use linkspan_test::wait;

use super::raw::{
    ACKED, BAD_DATA, BROADCAST, BUSY, Client, EXCLUDE, MESSAGE, NOT_DELIVERED, NOT_REGISTERED, OK,
    PUBLISH, PUBLISH_FOR, UNEXCLUDE, UNSUBSCRIBE, body,
};
use super::scene::Scene;

/// Every way to send something, to a client that is called `stopped` and wants `t`.
const WAYS: [(u8, &[&str]); 4] = [
    (PUBLISH, &["t"]),
    (PUBLISH_FOR, &["t", "stopped"]),
    (BROADCAST, &["stopped"]),
    (MESSAGE, &["stopped"]),
];

#[tokio::test]
async fn what_changes_nothing_is_fine() {
    for compat in [Compat::Honest, Compat::Strict] {
        let scene = Scene::with(|config| config.compat = compat).await;
        for address in scene.addresses() {
            let mut one = Client::join(address, "one").await;
            for code in [UNSUBSCRIBE, EXCLUDE, UNEXCLUDE] {
                assert_eq!(one.ask(code, b"never").await, OK);
            }
            assert_eq!(one.publish("nobody/wants/it", b"").await, OK);
            let nobody = body(&["t", "nobody"], b"");
            assert_eq!(one.ask(PUBLISH_FOR, &nobody).await, OK);
            assert_eq!(one.broadcast("nobody.*", b"").await, OK);
            assert_eq!(one.message("nobody", b"").await, NOT_REGISTERED);
            drop(one);
            scene.until_clients(0).await;
        }
        scene.stop().await;
    }
}

/// Fills the queue of somebody who does not read, and then sends once in every way; gives the acks.
async fn acks_of_a_full_queue(overflow: Overflow, compat: Compat) -> [u8; 4] {
    let scene = Scene::with(|config| {
        config.overflow = overflow;
        config.compat = compat;
        config.queue_messages = 4;
        config.block_timeout = Duration::from_millis(30);
    })
    .await;
    let mut stopped = scene.client("stopped").await;
    stopped.subscribe(&["t"]).await;
    let mut sender = scene.client("sender").await;
    fill(&scene, &mut sender).await;
    let mut acks = [0; 4];
    for (ack, (code, texts)) in acks.iter_mut().zip(WAYS) {
        *ack = sender.ask(code, &body(texts, b"more")).await;
    }
    scene.stop().await;
    acks
}

/// Sends until something was dropped.
async fn fill(scene: &Scene, sender: &mut Client) {
    let large = vec![b'x'; 100_000];
    let filling = async {
        while scene.stats().dropped == 0 {
            let id = sender
                .operate(MESSAGE, ACKED, &body(&["stopped"], &large))
                .await;
            sender.ack(id).await;
        }
    };
    wait::within("a full queue", filling).await;
}

#[tokio::test]
async fn a_queue_that_blocks_refuses_when_its_time_is_over() {
    let all = [NOT_DELIVERED; 4];
    assert_eq!(
        acks_of_a_full_queue(Overflow::Block, Compat::Honest).await,
        all
    );
    let strict = acks_of_a_full_queue(Overflow::Block, Compat::Strict).await;
    assert_eq!(strict, [OK, OK, OK, NOT_DELIVERED]);
}

#[tokio::test]
async fn a_queue_that_may_lose_changes_no_ack() {
    for overflow in [
        Overflow::DropOldest,
        Overflow::DropNewest,
        Overflow::LatestOnly,
    ] {
        for compat in [Compat::Honest, Compat::Strict] {
            let acks = acks_of_a_full_queue(overflow, compat).await;
            assert_eq!(acks, [OK; 4], "{overflow:?} {compat:?}");
        }
    }
}

#[tokio::test]
async fn who_is_sent_away_gets_no_message_any_more() {
    for compat in [Compat::Honest, Compat::Strict] {
        let scene = Scene::with(|config| {
            config.overflow = Overflow::Disconnect;
            config.compat = compat;
            config.queue_messages = 4;
        })
        .await;
        let mut stopped = scene.client("stopped").await;
        stopped.subscribe(&["t"]).await;
        let mut sender = scene.client("sender").await;
        let large = vec![b'x'; 100_000];
        let message = body(&["stopped"], &large);
        let mut acks = Vec::new();
        while acks.last() != Some(&NOT_REGISTERED) {
            acks.push(sender.ask(MESSAGE, &message).await);
            assert!(acks.len() < 1000, "nobody is sent away");
        }
        let refused = acks.iter().position(|ack| *ack != OK).unwrap();
        assert_eq!(acks[refused], NOT_DELIVERED);
        // The end comes to who reads on, after what it could be sent.
        while let Some(delivery) = stopped.next().await {
            assert_eq!(delivery.payload.len(), large.len());
        }
        assert_eq!(sender.publish("t", b"nobody").await, OK);
        scene.stop().await;
    }
}

#[tokio::test]
async fn who_reads_is_never_refused() {
    let scene = Scene::with(|config| {
        config.queue_messages = 4;
        config.block_timeout = Duration::from_secs(20);
    })
    .await;
    for address in scene.addresses() {
        let mut reading = Client::join(address, "reading").await;
        reading.subscribe(&["t"]).await;
        let mut senders = Vec::new();
        for number in 0..4 {
            let mut sender = Client::join(address, &format!("sender{number}")).await;
            senders.push(tokio::spawn(async move {
                for _ in 0..500 {
                    assert_eq!(sender.publish("t", &[b'x'; 1000]).await, OK);
                }
                sender
            }));
        }
        let start = Instant::now();
        for _ in 0..2000 {
            assert_eq!(reading.delivery().await.payload.len(), 1000);
        }
        for sender in senders {
            wait::within("the sender", sender).await.unwrap();
        }
        assert_eq!(scene.stats().dropped, 0, "in {:?}", start.elapsed());
        drop(reading);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn who_is_too_fast_is_told_that_the_broker_is_busy() {
    for compat in [Compat::Honest, Compat::Strict] {
        let scene = Scene::with(|config| {
            config.compat = compat;
            config.rates.per_client = Some(Rate::new(1, 4));
        })
        .await;
        let mut other = scene.client("other").await;
        other.subscribe(&["t"]).await;
        let mut sender = scene.client("sender").await;
        let reply = [0x11, 1, 0, 0, 0];
        let ways = [
            (PUBLISH, body(&["t"], b"x")),
            (PUBLISH_FOR, body(&["t", "other"], b"x")),
            (BROADCAST, body(&["other"], b"x")),
            (MESSAGE, body(&["other"], b"x")),
            // An answer to nothing.
            (MESSAGE, body(&["other"], &reply)),
        ];
        for (code, body) in &ways {
            let until_refused = async { while sender.ask(*code, body).await != BUSY {} };
            wait::within("to be refused", until_refused).await;
        }
        let refused = scene.stats().rate_limited;
        assert_eq!(refused, 5);
        let flood = async {
            while scene.stats().rate_limited == refused {
                sender.operate(PUBLISH, 0, &body(&["t"], b"x")).await;
            }
        };
        wait::within("one without acknowledgement to be refused", flood).await;
        scene.stop().await;
    }
}

#[cfg(feature = "validation")]
#[tokio::test]
async fn what_does_not_fit_its_schema_is_a_data_error() {
    for compat in [Compat::Honest, Compat::Strict] {
        let mut config = linkspan::bus::Config::default();
        config.compat = compat;
        let mut schemas = linkspan::bus::Schemas::new();
        let schema = r#"{ "type": "number" }"#;
        schemas.add(&"n/+".parse().unwrap(), schema).unwrap();
        let broker = linkspan::bus::Broker::new().config(config);
        let scene = Scene::of(broker.schemas(schemas)).await;
        let mut reader = scene.client("reader").await;
        reader.subscribe(&["n/#", "other"]).await;
        let mut client = scene.client("one").await;
        for (payload, status) in [
            (&b"1.5"[..], OK),
            (b"\"text\"", BAD_DATA),
            (b"\xcb\x3f\xf8\0\0\0\0\0\0", OK),
            (b"\xa1x", BAD_DATA),
            (b"", BAD_DATA),
        ] {
            assert_eq!(client.publish("n/1", payload).await, status, "{payload:x?}");
            let for_reader = body(&["n/1", "reader"], payload);
            assert_eq!(client.ask(PUBLISH_FOR, &for_reader).await, status);
            if status == OK {
                assert_eq!(reader.delivery().await.payload, payload);
                assert_eq!(reader.delivery().await.payload, payload);
            }
        }
        assert_eq!(client.publish("other", b"").await, OK);
        assert_eq!(reader.delivery().await.topic, "other");
        assert_eq!(scene.stats().invalid, 6);
        scene.stop().await;
    }
}
