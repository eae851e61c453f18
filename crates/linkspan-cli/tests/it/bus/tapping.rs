//! `linkspan bus tap`, `topics` and `bench`.

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::bus::node::{Bus, next};
use crate::support::{finish, pid, until};

#[track_caller]
fn replay(bus: &Bus, arguments: &[&str]) -> Value {
    let replay = ["tap", "--replay", "traffic.jsonl", "--json"];
    bus.run(&[&replay, arguments].concat()).json()
}

#[test]
fn traffic_is_recorded_and_replayed() {
    let bus = Bus::start();
    let mut peer = bus.peer("house.peer");
    let mut tap = bus.listen(&[
        "tap",
        "a/#",
        "b",
        "--record",
        "traffic.jsonl",
        "--name",
        "watch.tap",
    ]);
    let other = [
        "bus", "pub", "a/n", "[1]", "--as", "json", "--header", "k=v", "--name", "cli",
    ];
    bus.place.run(other).ok();
    peer.publishes("a/bytes", &b"\x00\xff"[..]);
    peer.publishes("b", "text");
    bus.place.run(["bus", "send", "watch.?", "to all"]).ok();
    bus.place.run(["bus", "send", "watch.tap", "to it"]).ok();
    bus.place.run(["bus", "notify", "watch.tap", "note"]).ok();
    let expected = [
        ("publication", json!([1])),
        ("publication", json!("00ff")),
        ("publication", json!("text")),
        ("broadcast", json!("to all")),
        ("direct", json!("to it")),
        ("notification", json!("note")),
    ];
    for (kind, payload) in expected {
        let got = next(&tap);
        assert_eq!(
            (&got["kind"], &got["payload"]),
            (&json!(kind), &payload),
            "{got}"
        );
    }
    kill_process(pid(&tap.child), Signal::INT).unwrap();
    assert_eq!(tap.ends().0, Some(0));

    let sub = bus.listen(&["sub", "#", "--exclude", ".broker/#"]);
    let told = replay(&bus, &["--at-once"]);
    let expected =
        json!({ "event": "replayed", "published": 3, "not_delivered": 0, "left_out": 3 });
    assert_eq!(told, expected);
    for (topic, payload) in [
        ("a/n", json!([1])),
        ("a/bytes", json!("00ff")),
        ("b", json!("text")),
    ] {
        let got = next(&sub);
        assert_eq!((&got["topic"], &got["payload"]), (&json!(topic), &payload));
    }
    let chosen = replay(&bus, &["a/#", "--sender", "house.*", "--speed", "100"]);
    assert_eq!(
        (&chosen["published"], &chosen["left_out"]),
        (&json!(1), &json!(5))
    );
    bus.place.write("traffic.jsonl", "{}\n");
    let wrong = bus
        .place
        .run(["bus", "tap", "--replay", "traffic.jsonl"])
        .fails(2);
    assert!(wrong.contains("is no recording"), "{wrong}");
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
        assert_eq!(replay(&bus, arguments)["published"], 2);
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
