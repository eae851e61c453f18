//! `linkspan bus tap`, `topics` and `bench`.

use bytes::Bytes;
use proto::frame::busrt::{Action, Rpc, RpcCode, Status};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::bus::node::{Bus, next};
use crate::support::{Lines, Place, finish, pid, until};

#[track_caller]
fn replay(bus: &Bus, arguments: &[&str]) -> Value {
    let replay = ["tap", "--replay", "traffic.jsonl", "--json"];
    bus.run(&[&replay, arguments].concat()).json()
}

/// What house.one sends to house.two: a way, what is seen of it, and the payload there.
fn exchanges() -> Vec<(Action, Value, Value)> {
    let target = || "house.two".into();
    let message = |payload: Bytes| Action::Message {
        target: target(),
        payload,
    };
    let call = |rpc: Rpc| message(rpc.encode().unwrap());
    let (id, bytes) = (7, |text: &'static str| Bytes::from_static(text.as_bytes()));
    let request = Rpc::Request {
        id,
        method: bytes("add"),
        params: Bytes::from_static(b"\x92\x01\x02"),
    };
    let error = Rpc::Error {
        id,
        code: RpcCode::METHOD_NOT_FOUND,
        data: bytes("no such thing"),
    };
    let publish_for = Action::PublishFor {
        topic: "a/for".into(),
        receiver: target(),
        payload: bytes("{\"a\": 1}"),
    };
    let broadcast = Action::Broadcast {
        mask: "house.*".into(),
        payload: bytes("to all"),
    };
    vec![
        (publish_for, json!("publication"), json!({ "a": 1 })),
        (message(bytes("to one")), json!("direct"), json!("to one")),
        (broadcast, json!("broadcast"), json!("to all")),
        (
            call(Rpc::Notification {
                data: bytes("note"),
            }),
            json!("notification"),
            json!("note"),
        ),
        (call(request), json!("request"), json!([1, 2])),
        (
            call(Rpc::Reply {
                id,
                result: bytes("three"),
            }),
            json!("reply"),
            json!("three"),
        ),
        (call(error), json!("error"), json!("no such thing")),
    ]
}

#[test]
fn traffic_between_two_others_is_shown_recorded_and_replayed() {
    let bus = Bus::start();
    let (mut one, mut two) = (bus.peer("house.one"), bus.peer("house.two"));
    two.subscribes("a/#");
    let record = ["tap", "--sender", "house.*", "--record", "traffic.jsonl"];
    let mut tap = bus.listen(&record);
    one.publishes("a/bytes", &b"\x00\xff"[..]);
    let got = next(&tap);
    assert_eq!(
        (&got["topic"], &got["payload"]),
        (&json!("a/bytes"), &json!("00ff"))
    );
    assert_eq!(got["receiver"], json!(""));
    assert_eq!(&*two.gets().payload, b"\x00\xff");
    for (action, kind, payload) in exchanges() {
        assert_eq!(one.does(action), Status::Ok);
        let got = next(&tap);
        assert_eq!((&got["kind"], &got["payload"]), (&kind, &payload), "{got}");
        assert_eq!(got["sender"], json!("house.one"));
        let receiver = if kind == "broadcast" {
            "house.*"
        } else {
            "house.two"
        };
        assert_eq!(got["receiver"], json!(receiver));
        match kind.as_str() {
            Some("request") => assert_eq!(got["call"], json!({ "id": 7, "method": "add" })),
            Some("error") => assert_eq!(got["call"], json!({ "id": 7, "code": -32601 })),
            _ => {}
        }
        two.gets();
    }
    kill_process(pid(&tap.child), Signal::INT).unwrap();
    assert_eq!(tap.ends().0, Some(0));

    // Everything but the reply and the error goes out once more.
    let told = replay(&bus, &["--at-once"]);
    let expected = json!({ "event": "replayed", "sent": 6, "not_delivered": 0, "left_out": 2 });
    assert_eq!(told, expected);
    for payload in [
        &b"\x00\xff"[..],
        b"{\"a\": 1}",
        b"to one",
        b"to all",
        b"\x00note",
        b"\x01\x07\0\0\0add\0\x92\x01\x02",
    ] {
        assert_eq!(&*two.gets().payload, payload);
    }
    for (arguments, sent) in [
        (&["a/bytes"][..], 1),
        (&["--kind", "request"], 1),
        (&["--receiver", "house.two"], 4),
        (&["--text", "to "], 2),
        (&["--sender", "nobody"], 0),
    ] {
        let chosen = replay(&bus, &[&["--at-once"], arguments].concat());
        assert_eq!(chosen["sent"], json!(sent), "{arguments:?}");
    }
    bus.place.write("traffic.jsonl", "{}\n");
    let wrong = bus
        .place
        .run(["bus", "tap", "--replay", "traffic.jsonl"])
        .fails(2);
    assert!(wrong.contains("is no recording"), "{wrong}");
}

#[test]
fn a_tap_on_a_broker_alone_reads_what_people_read() {
    let place = Place::new();
    let mut serve = place.command(["bus", "serve", "ws:127.0.0.1:0/bus", "--json"]);
    serve.stdin(std::process::Stdio::null());
    let broker = Lines::start(serve);
    let ready = broker.find("it serves", |line| line["event"] == "ready");
    let address = ready["addresses"][0].as_str().unwrap().to_owned();
    assert!(address.starts_with("ws:127.0.0.1:"), "{address}");
    let tap = [
        "bus",
        "tap",
        "--address",
        &address,
        "--kind",
        "direct",
        "--text",
        "light",
        "--first",
        "1",
    ];
    let mut tap = place.command(tap);
    tap.stdout(std::process::Stdio::piped());
    tap.stderr(std::process::Stdio::piped());
    let mut tap = tap.spawn().unwrap();
    let listen = [
        "bus",
        "sub",
        "#",
        "--address",
        &address,
        "--name",
        "two",
        "--json",
    ];
    let two = Lines::start(place.command(listen));
    two.find("it has subscribed", |line| line["event"] == "subscribed");
    let send = |text: &str| {
        let send = [
            "bus",
            "send",
            "two",
            text,
            "--address",
            &address,
            "--name",
            "one",
        ];
        place.run(send).ok();
    };
    until("the tap has seen it", || {
        send("dark");
        send("light");
        tap.try_wait().unwrap().is_some()
    });
    let shown = finish(tap).ok();
    assert!(shown.contains("direct  one > two  light"), "{shown}");
    assert!(!shown.contains("dark"), "{shown}");
    tells_losses(&place, &address);
}

/// What `bus stats` says of a broker with a client `two`.
fn tells_losses(place: &Place, address: &str) {
    let stats = ["bus", "stats", "--address", address];
    let json = place.run(stats.iter().chain(&["--json"])).json();
    for name in [
        "dropped",
        "gaps",
        "denied",
        "rate_limited",
        "invalid",
        "queue",
        "tap_dropped",
    ] {
        assert_eq!(json[name], json!(0), "{name}: {json}");
    }
    assert!(json["memory_limit"].as_u64() > Some(1 << 20), "{json}");
    let clients = json["by_client"].as_array().unwrap();
    let two = clients
        .iter()
        .find(|client| client["name"] == "two")
        .unwrap();
    assert_eq!(
        (&two["kind"], &two["dropped"]),
        (&json!("websocket"), &json!(0))
    );
    let shown = place.run(stats).ok();
    for words in [
        "memory of queues",
        "dropped",
        "denied",
        "against a schema",
        "WAITING",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn a_recording_keeps_its_timing() {
    let bus = Bus::start();
    let head = r#"{"linkspan_tap":1,"began_at_ms":0}"#;
    let line = |at: u64| {
        format!(r#"{{"at_us":{at},"kind":"publication","topic":"t","sender":"s","text":"x"}}"#)
    };
    let text = format!("{head}\n{}\n{}\n", line(0), line(400_000));
    bus.place.write("traffic.jsonl", &text);
    let took = |arguments: &[&str]| {
        let began = std::time::Instant::now();
        assert_eq!(replay(&bus, arguments)["sent"], 2);
        began.elapsed().as_millis()
    };
    assert!(took(&[]) >= 400);
    assert!(took(&["--speed", "0.8"]) >= 500);
    bus.place
        .run(["bus", "tap", "--replay", "traffic.jsonl", "--speed", "0"])
        .fails(2);
}

#[test]
fn a_tap_shows_what_is_asked_for() {
    let bus = Bus::start();
    let mut peer = bus.peer("house.peer");
    let tap = bus.listen(&[
        "tap",
        "--sender",
        "house.*",
        "--kind",
        "publication",
        "--show",
        "hex",
        "--first",
        "1",
    ]);
    bus.place.run(["bus", "pub", "a", "x"]).ok();
    peer.publishes("a", "y");
    let got = next(&tap);
    assert_eq!(
        (&got["sender"], &got["payload"]),
        (&json!("house.peer"), &json!("79"))
    );
}

#[test]
fn topics_are_counted() {
    let bus = Bus::start();
    let mut peer = bus.peer("house.peer");
    let topics = [
        "bus",
        "topics",
        "a/#",
        "--first",
        "4",
        "--duration",
        "30s",
        "--json",
        "--name",
        "watcher",
    ];
    let mut command = bus.place.command(topics);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    until("it watches", || {
        let told = bus
            .place
            .run(["bus", "pub", "a/first", "x", "--json"])
            .json();
        told["delivery"] == "delivered"
    });
    for _ in 0..3 {
        peer.publishes("a/many", "1234");
    }
    let printed = finish(child).ok();
    let topics: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let many = &topics[0];
    assert_eq!(
        (&many["topic"], &many["messages"]),
        (&json!("a/many"), &json!(3))
    );
    assert_eq!(
        (&many["bytes"], &many["last_sender"]),
        (&json!(12), &json!("house.peer"))
    );
    assert_eq!(
        (&topics[1]["topic"], &topics[1]["messages"]),
        (&json!("a/first"), &json!(1))
    );
}

#[test]
fn a_bench_measures_every_stage() {
    let bus = Bus::start();
    let bench = [
        "bus",
        "bench",
        "--count",
        "50",
        "--subscribers",
        "3",
        "--callers",
        "2",
    ];
    let printed = bus.place.run(bench.iter().chain(&["--json"])).ok();
    let rows: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [("publish", 1, 50), ("fanout", 3, 150), ("call", 2, 50)];
    assert_eq!(rows.len(), expected.len());
    for (row, (stage, clients, arrived)) in rows.iter().zip(expected) {
        assert_eq!(
            (&row["stage"], &row["clients"]),
            (&json!(stage), &json!(clients))
        );
        assert_eq!(
            (&row["arrived"], &row["lost"]),
            (&json!(arrived), &json!(0)),
            "{row}"
        );
        let at = |name: &str| row["latency_us"][name].as_f64().unwrap();
        assert!(
            0.0 < at("p50") && at("p50") <= at("p99") && at("p99") <= at("max"),
            "{row}"
        );
    }
    let shown = bus
        .place
        .run(["bus", "bench", "--only", "call", "--count", "5"])
        .ok();
    assert!(
        shown.contains("P99.9") && !shown.contains("fanout"),
        "{shown}"
    );
    bus.place.run(["bus", "bench", "--size", "7"]).fails(2);
}
