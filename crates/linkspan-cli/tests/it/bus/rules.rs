//! Rates, schemas, and messages that cannot be delivered.

use proto::frame::busrt::{Action, Status};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::bus::node::{Bus, next};
use crate::bus::peer::Peer;
use crate::support::{Lines, Place, pid, until};

const LISTEN: &str = "bus:\n  listen: [./bus.sock]\n";
const READING: &str = r#"{ "properties": { "celsius": { "type": "number" } } }"#;

/// A node whose section `bus` has these lines, too.
#[track_caller]
fn bus(lines: &str) -> Bus {
    let place = Place::new();
    place.write("reading.json", READING);
    place.write("linkspan.yaml", &format!("{LISTEN}{lines}"));
    let node = place.node::<&str>([]);
    Bus { place, node }
}

fn publish(peer: &mut Peer, topic: &str, payload: &'static str) -> Status {
    let (topic, payload) = (topic.into(), payload.into());
    peer.does(Action::Publish { topic, payload })
}

#[test]
fn what_comes_too_fast_is_refused_and_rates_are_read_again() {
    let bus = bus("  rate: { per_client: { messages_per_second: 1, burst: 2 } }\n");
    let mut peer = bus.peer("peer");
    let refused = |peer: &mut Peer| (0..50).any(|_| publish(peer, "t", "x") == Status::Busy);
    assert!(refused(&mut peer));
    bus.place.write("linkspan.yaml", LISTEN);
    bus.node.signal(Signal::HUP);
    bus.node.logs("needs_restart=[]");
    assert!(!refused(&mut peer));

    let topics = "  rate: { topics: [{ mask: 't/#', messages_per_second: 1 }] }\n";
    bus.place
        .write("linkspan.yaml", &format!("{LISTEN}{topics}"));
    bus.node.signal(Signal::HUP);
    bus.node.logs("bus.rate.topics");
    assert!(!refused(&mut peer));
    let flood = |_| bus.run(&["pub", "t/1", "x"]).code != Some(0);
    assert!((0..20).any(flood));
    // Whoever has time waits for its turn.
    bus.run(&["pub", "t/1", "x", "--retry", "20s"]).ok();
}

#[test]
fn what_does_not_fit_its_schema_is_refused_and_can_be_sent_again() {
    let schemas = "  schemas: [{ mask: 'house/+/reading', file: ./reading.json }]\n";
    let letters = "  dead_letters: { messages: 2, topic: dead }\n";
    let bus = bus(&format!("{schemas}{letters}"));
    let sub = bus.listen(&["sub", "house/#", "dead"]);
    let topic = "house/x/reading";
    bus.run(&["pub", topic, r#"{"celsius": 21}"#, "--as", "json"])
        .ok();
    assert_eq!(next(&sub)["payload"], json!({ "celsius": 21 }));
    let told = bus.run(&[
        "pub",
        topic,
        r#"{"celsius": "hot"}"#,
        "--as",
        "msgpack",
        "--name",
        "sensor",
    ]);
    let told = told.fails(5);
    assert!(told.contains("/celsius"), "{told}");
    let dead = next(&sub);
    assert_eq!(
        (&dead["topic"], &dead["sender"]),
        (&json!("dead"), &json!(".broker"))
    );
    assert_eq!(dead["headers"]["dead-topic"], topic);
    assert_eq!(dead["headers"]["dead-sender"], "sensor");
    let mut peer = bus.peer("peer");
    assert_eq!(
        publish(&mut peer, topic, r#"{"celsius": []}"#),
        Status::Data
    );

    let list = bus.run(&["dlq", "list", "--json"]).json();
    let reasons: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["reason"])
        .collect();
    assert_eq!(reasons, ["schema", "schema"]);
    let shown = bus
        .run(&["dlq", "list", "house/#", "--reason", "schema"])
        .ok();
    assert!(
        shown.contains("sensor") && shown.contains("peer"),
        "{shown}"
    );
    let none = bus.run(&["dlq", "list", "--reason", "overflow"]).ok();
    assert_eq!(none, "");
    let whole = bus.run(&["dlq", "show", "1", "--json"]).json();
    assert_eq!(whole["payload"], json!({ "celsius": "hot" }));
    assert!(
        whole["letter"]["detail"]
            .as_str()
            .unwrap()
            .contains("/celsius")
    );
    let shown = bus.run(&["dlq", "show", "2"]).ok();
    assert!(shown.contains(r#"{"celsius": []}"#), "{shown}");
    assert!(
        bus.run(&["dlq", "show", "9"])
            .fails(5)
            .contains("no dead letter 9")
    );
}

#[test]
fn what_fits_after_the_schema_was_read_again_is_delivered_after_all() {
    let schemas = "  schemas: [{ mask: 'house/+/reading', file: ./reading.json }]\n";
    let bus = bus(schemas);
    let sub = bus.listen(&["sub", "house/#"]);
    let topic = "house/x/reading";
    let hot = r#"{"celsius": "hot"}"#;
    for name in ["sensor", "other"] {
        bus.run(&["pub", topic, hot, "--as", "json", "--name", name])
            .fails(5);
    }
    // A schema that is none changes nothing; one that lets it through does.
    bus.place.write("reading.json", "{ \"type\": 1 }");
    bus.node.signal(Signal::HUP);
    bus.node.logs("reading.json: at /type");
    assert!(
        bus.run(&["dlq", "replay", "1"])
            .fails(5)
            .contains("could not be delivered")
    );
    bus.place.write("reading.json", "{}");
    bus.node.signal(Signal::HUP);
    bus.node.logs("configuration was read again");
    let told = bus.run(&["dlq", "replay"]).fails(2);
    assert!(told.contains("--all"), "{told}");
    let replayed = bus.run(&["dlq", "replay", "1", "--json"]).json();
    assert_eq!(
        (&replayed["delivered"], &replayed["kept"]),
        (&json!(1), &json!(0))
    );
    let again = next(&sub);
    assert_eq!(
        (&again["sender"], &again["payload"]),
        (&json!("sensor"), &json!({ "celsius": "hot" }))
    );
    assert_eq!(
        bus.run(&["dlq", "drop", "--all", "--json"]).json(),
        json!({ "dropped": 1 })
    );
    let list = bus.run(&["dlq", "list", "--json"]).json();
    assert_eq!(list, Value::Array(Vec::new()));
}

#[test]
fn a_broker_alone_reads_its_rules_again() {
    let place = Place::new();
    let unix = format!("unix:{}", place.path("bus.sock").display());
    let mut command = place.command(["bus", "serve", "--json", &unix]);
    place.write("linkspan.yaml", "environment: { log_level: info }\n");
    command.current_dir(place.path("."));
    let lines = Lines::start(command);
    lines.find("it is ready", |line| line["event"] == "ready");
    let mut peer = Peer::join(&unix, "peer");
    assert_eq!(publish(&mut peer, "t", "text"), Status::Ok);
    place.write("reading.json", r#"{ "type": "number" }"#);
    place.write(
        "linkspan.yaml",
        "bus: { schemas: [{ mask: t, file: ./reading.json }] }\n",
    );
    kill_process(pid(&lines.child), Signal::HUP).unwrap();
    until("the schema to hold", || {
        publish(&mut peer, "t", "text") == Status::Data
    });
    assert_eq!(publish(&mut peer, "t", "1"), Status::Ok);
}

#[test]
fn what_is_wrong_with_rules_is_told_with_its_place() {
    let place = Place::new();
    place.write("broken.json", "{\n  \"type\": }");
    for (text, complaint) in [
        (
            "rate: { per_client: { messages_per_second: 0 } }",
            "bus.rate.per_client.messages_per_second",
        ),
        (
            "rate: { per_client: { burst: 5 } }",
            "means nothing without",
        ),
        (
            "rate: { topics: [{ mask: 'a', burst: 5 }] }",
            "missing field `messages_per_second`",
        ),
        (
            "rate: { topics: [{ mask: 'a', messages_per_second: 1, more: 2 }] }",
            "unknown field `more`",
        ),
        ("rate: { topic: [] }", "did you mean `topics`?"),
        ("schemas: [{ mask: 'a' }]", "missing field `file`"),
        (
            "schemas: [{ mask: 'a', file: ./absent.json }]",
            "./absent.json: No such file",
        ),
        (
            "schemas: [{ mask: 'a', file: ./broken.json }]",
            "./broken.json: line 2, column 11",
        ),
        (
            "dead_letters: { messages: -1 }",
            "bus.dead_letters.messages",
        ),
        (
            "dead_letters: { topic: \"a\\0b\" }",
            "the topic of dead letters is not valid",
        ),
    ] {
        place.write("linkspan.yaml", &format!("bus:\n  {text}\n"));
        let told = place.run(["config", "check"]).fails(3);
        assert!(told.contains(complaint), "{text}: {told}");
        assert!(told.contains("linkspan.yaml:2"), "{text}: {told}");
    }
    // It does not start, either.
    place.write(
        "linkspan.yaml",
        "bus: { schemas: [{ mask: a, file: ./broken.json }] }\n",
    );
    let told = place.run(["bus", "serve", "tcp:127.0.0.1:0"]).fails(3);
    assert!(told.contains("broken.json: line 2"), "{told}");
}
