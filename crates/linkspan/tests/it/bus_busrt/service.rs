//! What `.broker` answers, and what it tells.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::raw::{ACKED, Client, Delivery, MESSAGE, NOT_REGISTERED, OK, PUBLISH, body, bytes, hex};
use super::scene::Scene;

#[derive(Debug, Deserialize)]
struct ClientList {
    clients: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    kind: String,
    source: Option<String>,
    port: Option<String>,
    r_frames: u64,
    r_bytes: u64,
    w_frames: u64,
    w_bytes: u64,
    queue: u64,
    instances: u64,
}

/// An answer: its kind and what follows the number of the call.
async fn call(client: &mut Client, method: &[u8], params: &[u8]) -> (u8, Vec<u8>) {
    let mut payload = vec![0x01, 9, 0, 0, 0];
    payload.extend_from_slice(method);
    payload.push(0);
    payload.extend_from_slice(params);
    assert_eq!(client.message(".broker", &payload).await, OK);
    let Delivery {
        kind,
        is_realtime,
        sender,
        payload,
        ..
    } = client.delivery().await;
    assert_eq!(
        (kind, is_realtime, sender.as_str()),
        (MESSAGE, true, ".broker")
    );
    assert_eq!(payload.get(1..5), Some(&[9, 0, 0, 0][..]), "the call");
    (payload[0], payload[5..].to_vec())
}

const REPLY: u8 = 0x11;
const ERROR: u8 = 0x12;

#[tokio::test]
async fn methods_answer_as_they_always_did() {
    let scene = Scene::start().await;
    let mut client = scene.client("one").await;
    let (kind, result) = call(&mut client, b"test", b"").await;
    assert_eq!((kind, hex(&result)), (REPLY, hex(&bytes("81 A2 6F 6B C3"))));
    let (kind, result) = call(&mut client, b"info", b"").await;
    let info: BTreeMap<String, String> = rmp_serde::from_slice(&result).unwrap();
    assert_eq!(kind, REPLY);
    assert!(info.keys().eq(["author", "version"]), "{info:?}");
    let (kind, result) = call(&mut client, b"benchmark.test", b"\0any\xff").await;
    assert_eq!((kind, result), (REPLY, b"\0any\xff".to_vec()));
    let (kind, result) = call(&mut client, b"stats", b"").await;
    let stats: BTreeMap<String, u64> = rmp_serde::from_slice(&result).unwrap();
    // Those of BUS/RT's own broker are first among others.
    let keys = ["r_bytes", "r_frames", "uptime", "w_bytes", "w_frames"];
    assert!(
        kind == REPLY && keys.iter().all(|key| stats.contains_key(*key)),
        "{stats:?}"
    );
    let more = ["denied", "dropped", "gaps", "invalid", "rate_limited"];
    assert!(more.iter().all(|key| stats[*key] == 0), "{stats:?}");
    assert!(
        stats["memory_limit"] > 0 && stats["masks"] == 1,
        "{stats:?}"
    );
    assert!(
        stats["r_frames"] >= 3 && stats["w_frames"] >= 6,
        "{stats:?}"
    );
    scene.stop().await;
}

#[tokio::test]
async fn bad_questions_have_their_errors() {
    let scene = Scene::start().await;
    let mut client = scene.client("one").await;
    // A map with the key "filter".
    let filter = |text: &str| {
        let mut map = bytes("81 A6 66 69 6C 74 65 72");
        map.push(0xa0 | u8::try_from(text.len()).unwrap());
        map.extend_from_slice(text.as_bytes());
        map
    };
    for (method, params, code, has_text) in [
        (&b"test"[..], &b"x"[..], -32602, false),
        (b"info", b"x", -32602, false),
        (b"stats", b"x", -32602, false),
        (b"nope", b"", -32601, false),
        (b"", b"", -32601, false),
        (b"\xff", b"", -32114, false),
        (b"client.list", b"\xc1", -32700, true),
        (b"client.list", &filter("("), -32700, true),
    ] {
        let (kind, error) = call(&mut client, method, params).await;
        let given = i16::from_le_bytes([error[0], error[1]]);
        assert_eq!((kind, given), (ERROR, code), "{method:?}");
        assert_eq!(error.len() > 2, has_text, "{method:?}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn what_is_no_question_is_not_answered() {
    let scene = Scene::start().await;
    let mut client = scene.client("one").await;
    for payload in [
        &b""[..],
        b"\0a notification",
        b"\x01\0\0\0\0test\0",
        b"\x01\x07\0\0\0no end",
        b"\x01\x07",
        b"\x11\x07\0\0\0a reply",
        b"\x12\x07\0\0\0\xa7\x80",
        b"\x77",
    ] {
        assert_eq!(client.message(".broker", payload).await, OK);
    }
    assert_eq!(
        client.broadcast(".broker", b"\x01\x07\0\0\0test\0").await,
        OK
    );
    client.expect_payloads(&[]).await;
    scene.stop().await;
}

#[tokio::test]
async fn the_list_has_primaries_by_name() {
    let scene = Scene::start().await;
    let mut b = Client::join(&scene.tcp, "b").await;
    let mut a = scene.client("a").await;
    let _first = scene.client("a%%1").await;
    let _second = scene.client("a%%2").await;
    assert_eq!(b.message("a", b"12345").await, OK);
    assert_eq!(a.delivery().await.payload, b"12345");
    let (kind, list) = call(&mut a, b"client.list", b"").await;
    assert_eq!(kind, REPLY);
    let list: ClientList = rmp_serde::from_slice(&list).unwrap();
    let names: Vec<_> = list.clients.iter().map(|client| &*client.name).collect();
    assert_eq!(names, [".broker", "a", "b"]);
    let [broker, a_entry, b_entry] = &list.clients[..] else {
        panic!("three")
    };
    let kinds = [broker, a_entry, b_entry].map(|entry| (&*entry.kind, entry.instances));
    assert_eq!(kinds, [("internal", 1), ("local_ipc", 3), ("tcp", 1)]);
    assert_eq!(
        (&broker.source, &broker.port, &a_entry.source),
        (&None, &None, &None)
    );
    assert!(a_entry.port.is_some());
    let source = b_entry.source.as_deref().unwrap();
    assert!(source.starts_with("127.0.0.1:"), "{source}");
    // The message and its ack.
    assert_eq!((b_entry.r_frames, b_entry.r_bytes), (1, 7));
    assert_eq!(
        (b_entry.w_frames, b_entry.w_bytes, b_entry.queue),
        (1, 6, 0)
    );
    let (_, list) = call(
        &mut a,
        b"client.list",
        &bytes("81 A6 66 69 6C 74 65 72 A2 5E 62"),
    )
    .await;
    let list: ClientList = rmp_serde::from_slice(&list).unwrap();
    assert_eq!(list.clients.len(), 1, "by the filter ^b");
    let (_, list) = call(&mut a, b"client.list", &bytes("81 A6 66 69 6C 74 65 72 C0")).await;
    let list: ClientList = rmp_serde::from_slice(&list).unwrap();
    assert_eq!(list.clients.len(), 3, "nil is no filter");
    scene.stop().await;
}

/// The time of an event, which is its last eight bytes, after the rest of it was compared.
fn expect_event(delivery: &Delivery, topic: &str, start: &str) {
    assert_eq!(delivery.kind, PUBLISH);
    assert!(!delivery.is_realtime);
    assert_eq!((&*delivery.sender, &*delivery.topic), (".broker", topic));
    let (map, time) = delivery.payload.split_at(delivery.payload.len() - 8);
    assert_eq!(hex(map), hex(&bytes(start)));
    let at = Duration::from_nanos(u64::from_be_bytes(time.try_into().unwrap()));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    assert!(at <= now && now - at < Duration::from_secs(60), "{at:?}");
}

#[tokio::test]
async fn coming_and_going_is_told_of_primaries() {
    let scene = Scene::start().await;
    let mut watcher = scene.client("watcher").await;
    watcher.subscribe(&[".broker/info"]).await;
    let primary = scene.client("rpc.a").await;
    let secondary = scene.client("rpc.a%%1").await;
    drop(secondary);
    scene.until_clients(2).await;
    drop(primary);
    scene.until_clients(1).await;
    let reg = "83 A1 73 A3 72 65 67 A1 64 A5 72 70 63 2E 61 A1 74 CF";
    expect_event(&watcher.delivery().await, ".broker/info", reg);
    let unreg = "83 A1 73 A5 75 6E 72 65 67 A1 64 A5 72 70 63 2E 61 A1 74 CF";
    expect_event(&watcher.delivery().await, ".broker/info", unreg);
    watcher.expect_payloads(&[]).await;
    scene.stop().await;
}

#[tokio::test]
async fn all_are_told_of_the_end() {
    let scene = Scene::start().await;
    let mut clients = [
        scene.client("local").await,
        Client::join(&scene.tcp, "tcp").await,
    ];
    let stopping = tokio::spawn(scene.serving.stop(Duration::from_secs(20)));
    for client in &mut clients {
        let shutdown = "82 A1 73 A8 73 68 75 74 64 6F 77 6E A1 74 CF";
        expect_event(&client.delivery().await, ".broker/warn", shutdown);
    }
    drop(clients);
    // It does not wait longer than anybody is there.
    linkspan_test::wait::within("the end", stopping)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_topics_of_the_broker_are_its_own_unless_all_may() {
    use linkspan::bus::Compat;

    for (compat, status) in [(Compat::Honest, 0x79), (Compat::Strict, OK)] {
        let scene = Scene::with(|config| config.compat = compat).await;
        let mut forger = scene.client("forger").await;
        forger
            .subscribe(&[".broker/#", ".broker", ".brokers"])
            .await;
        for topic in [".broker/info", ".broker/warn", ".broker/x/y", ".broker"] {
            assert_eq!(forger.publish(topic, b"forged").await, status);
            let id = forger
                .operate(
                    super::raw::PUBLISH_FOR,
                    ACKED,
                    &body(&[topic, "forger"], b"forged"),
                )
                .await;
            assert_eq!(forger.ack(id).await, status);
        }
        assert_eq!(forger.publish(".brokers", b"free").await, OK);
        let mut expected = vec!["forged"; if status == OK { 8 } else { 0 }];
        expected.push("free");
        forger.expect_payloads(&expected).await;
        scene.stop().await;
    }
}

/// Parameters of a name each, and a number or a text.
fn params(pairs: &[(&str, Param<'_>)]) -> Vec<u8> {
    let pairs: BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name, value)).collect();
    rmp_serde::to_vec(&pairs).unwrap()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Param<'a> {
    Number(u64),
    Text(&'a str),
}

#[tokio::test]
async fn dead_letters_are_seen_and_sent_again() {
    let scene = Scene::with(|config| config.dead_letters.topic = Some("dead".into())).await;
    let mut client = scene.client("one").await;
    let mut other = scene.client("other").await;
    other.subscribe(&["dead"]).await;
    for payload in [b"first", b"again"] {
        assert_eq!(client.message("late", payload).await, NOT_REGISTERED);
        let told = other.delivery().await;
        assert_eq!((told.sender.as_str(), &*told.topic), (".broker", "dead"));
        assert_eq!(told.payload, payload);
    }
    // Parts of calls are none.
    assert_eq!(
        client.message("late", b"\x01\x01\0\0\0m\0").await,
        NOT_REGISTERED
    );

    let limit = params(&[("limit", Param::Number(1))]);
    let (kind, page) = call(&mut client, b"dlq.list", &limit).await;
    let page: Value = rmp_serde::from_slice(&page).unwrap();
    let letter = &page["letters"][0];
    assert_eq!((kind, &page["more"]), (REPLY, &Value::Bool(true)));
    let told = ["id", "reason", "sender", "receiver"].map(|key| letter[key].to_string());
    assert_eq!(told, ["1", "\"no_receiver\"", "\"one\"", "\"late\""]);

    let second = params(&[("id", Param::Number(2))]);
    let (kind, whole) = call(&mut client, b"dlq.show", &second).await;
    assert!(kind == REPLY && whole.windows(5).any(|part| part == b"again"));
    let absent = params(&[("id", Param::Number(9))]);
    let (kind, _) = call(&mut client, b"dlq.show", &absent).await;
    assert_eq!(kind, ERROR);

    let (_, replayed) = call(&mut client, b"dlq.replay", b"").await;
    let replayed: Value = rmp_serde::from_slice(&replayed).unwrap();
    assert_eq!(
        (&replayed["delivered"], &replayed["kept"]),
        (&0.into(), &2.into())
    );
    let mut late = scene.client("late").await;
    let (_, replayed) = call(&mut client, b"dlq.replay", b"").await;
    let replayed: Value = rmp_serde::from_slice(&replayed).unwrap();
    assert_eq!(replayed["delivered"], 2);
    for payload in [b"first", b"again"] {
        let Delivery {
            sender,
            payload: got,
            ..
        } = late.delivery().await;
        assert_eq!((sender.as_str(), &*got), ("one", &payload[..]));
    }
    assert_eq!(client.message("nobody", b"x").await, NOT_REGISTERED);
    let reason = params(&[("reason", Param::Text("schema"))]);
    for (params, dropped) in [(&reason[..], 0), (b"", 1), (b"", 0)] {
        let (_, answer) = call(&mut client, b"dlq.drop", params).await;
        let answer: Value = rmp_serde::from_slice(&answer).unwrap();
        assert_eq!(answer["dropped"], dropped);
    }
    assert_eq!(scene.stats().dead_letters, 0);
    for (method, params, code) in [
        (&b"dlq.list"[..], &b"\xc1"[..], -32700),
        (b"dlq.other", b"", -32601),
    ] {
        let (kind, error) = call(&mut client, method, params).await;
        let given = i16::from_le_bytes([error[0], error[1]]);
        assert_eq!((kind, given), (ERROR, code), "{method:?}");
    }
    scene.stop().await;
}
