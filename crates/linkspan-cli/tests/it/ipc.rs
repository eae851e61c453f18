//! The section `ipc`, in all forms in which files have it.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Place, finish};

/// What a file says, with where each value stands in it.
fn changed(place: &Place, file: &str) -> Vec<(String, Value, String)> {
    let shown = place
        .run(["config", "show", "--changed", "--json", "-c", file])
        .json();
    let value = |line: &Value| {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("key"), line["value"].clone(), text("origin"))
    };
    shown.as_array().unwrap().iter().map(value).collect()
}

fn entry(key: &str, value: impl Into<Value>, origin: &str) -> (String, Value, String) {
    (key.to_owned(), value.into(), origin.to_owned())
}

#[test]
fn a_file_of_its_own_needs_no_section() {
    let place = Place::new();
    place.write("bare.yaml", "transport: legacy\nmax_frame_bytes: 64KiB\n");
    place.write(
        "flat.yaml",
        "ipc.transport: legacy\nipc.max_frame_bytes: 65536\n",
    );
    place.write(
        "mixed.yaml",
        "ipc.transport: legacy\nipc:\n  max_frame_bytes: 64KiB\n",
    );
    place.write(
        "bare.toml",
        "transport = \"legacy\"\nmax_frame_bytes = 65536\n",
    );
    place.write(
        "flat.toml",
        "ipc.transport = \"legacy\"\n\"ipc.max_frame_bytes\" = 65536\n",
    );
    for (file, second) in [
        ("bare.yaml", 2),
        ("flat.yaml", 2),
        ("mixed.yaml", 3),
        ("bare.toml", 2),
        ("flat.toml", 2),
    ] {
        let expected = [
            entry("ipc.transport", "legacy", &format!("{file}:1")),
            entry("ipc.max_frame_bytes", "64KiB", &format!("{file}:{second}")),
        ];
        assert_eq!(changed(&place, file), expected, "{file}");
    }
}

#[test]
fn dotted_keys_work_in_every_section() {
    let place = Place::new();
    place.write(
        "dotted.yaml",
        "transport.tcp.max_connections: 7\ntransport:\n  allow_plaintext: true\n",
    );
    let expected = [
        entry("transport.allow_plaintext", true, "dotted.yaml:3"),
        entry("transport.tcp.max_connections", 7, "dotted.yaml:1"),
    ];
    assert_eq!(changed(&place, "dotted.yaml"), expected);
}

#[test]
fn mistakes_are_shown_where_they_are_in_every_form() {
    let place = Place::new();
    for (text, at, words) in [
        (
            "ipc: { transprot: tokio }\n",
            ":1:8",
            "did you mean `transport`?",
        ),
        (
            "ipc.max_frame_byte: 1\n",
            ":1:1",
            "did you mean `max_frame_bytes`?",
        ),
        (
            "endpoint_path: x\nmax_conections: 1\n",
            ":2:1",
            "did you mean `max_connections`?",
        ),
        (
            "ipc: { transport: carrier }\n",
            ":1:8",
            "is not one of tokio, interprocess, legacy",
        ),
        (
            "ipc: { crc32_variant: zip }\n",
            ":1:8",
            "is not one of ieee, castagnoli",
        ),
        (
            "ipc: { transport: tokio }\nipc.transport: legacy\n",
            ":2:1",
            "`transport` is set twice",
        ),
        ("ipc: { accept_timeout_ms: soon }\n", ":1:8", "milliseconds"),
        (
            "transport: { connection_pool: {} }\n",
            ":1:14",
            "unknown key `connection_pool`",
        ),
    ] {
        place.write("wrong.yaml", text);
        let complaint = place.run(["config", "check", "-c", "wrong.yaml"]).fails(3);
        assert!(
            complaint.contains(&format!("wrong.yaml{at}")),
            "{text}{complaint}"
        );
        assert!(complaint.contains(words), "{text}{complaint}");
    }
}

#[test]
fn the_older_name_of_tokio_is_read_with_a_note() {
    let place = Place::new();
    let note = "is an older name, read as tokio";
    for name in ["ipc-interprocess", "IpcInterprocess"] {
        place.write("older.yaml", &format!("ipc.transport: {name}\n"));
        assert_eq!(changed(&place, "older.yaml")[0].1, "tokio");
        let checked = place.run(["config", "check", "-c", "older.yaml"]);
        assert!(checked.stderr.contains(note), "{checked:?}");
        assert!(checked.stderr.contains("older.yaml:1"), "{checked:?}");
        assert!(checked.ok().starts_with("ok"));
        let shown = place.run(["config", "show", "-c", "older.yaml"]);
        assert!(shown.stderr.contains(note), "{shown:?}");
    }
    let checked = place
        .run(["config", "check", "--json", "-c", "older.yaml"])
        .json();
    assert!(checked["notes"][0].as_str().unwrap().contains(note));

    let mut command = place.command(["config", "check", "--json"]);
    command.env("LINKSPAN_IPC__TRANSPORT", "ipc-interprocess");
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let checked = finish(child.unwrap()).json();
    assert!(
        checked["notes"][0]
            .as_str()
            .unwrap()
            .starts_with("LINKSPAN_IPC__TRANSPORT: ")
    );

    let plain = place.run(["config", "check", "--json"]).json();
    assert_eq!(plain["notes"], json!([]));
}

#[test]
fn the_configured_backend_is_that_of_both_ends() {
    for backend in ["tokio", "interprocess", "legacy"] {
        let place = Place::new();
        place.write("linkspan.yaml", &format!("ipc: {{ transport: {backend} }}"));
        let node = place.node(["--listen", &place.address(), "--listen", "tcp:127.0.0.1:0"]);
        let status = place.run(["status", "--json"]).json()["status"].take();
        assert_eq!(status["listeners"][0]["backend"], backend);
        assert_eq!(status["listeners"][1]["backend"], Value::Null);
        assert_eq!(status["connections"][0]["backend"], backend);
        assert!(place.run(["status"]).ok().matches(backend).count() == 2);
        drop(node);
        let measured = place
            .run(["transport", "test", "--count", "50", "--json"])
            .json();
        assert_eq!(measured["backend"], backend);
    }
}

#[test]
fn a_reload_switches_the_backend_and_drops_nothing() {
    let place = Place::new();
    let configure =
        |backend: &str| place.write("linkspan.yaml", &format!("ipc: {{ transport: {backend} }}"));
    configure("tokio");
    let node = place.node::<&str>([]);
    let call = crate::support::Lines::start(place.command([
        "call",
        &node.address(),
        "host.processes",
        r#"{"interval_ms": 100}"#,
        "--json",
    ]));
    call.find("the table", |_| true);
    for (from, to) in [
        ("tokio", "legacy"),
        ("legacy", "interprocess"),
        ("interprocess", "tokio"),
    ] {
        configure(to);
        node.signal(Signal::HUP);
        node.logs(&format!("from={from} to={to}"));
        node.logs("changed=[\"ipc.transport\"] needs_restart=[]");
        let status = place.run(["status", "--json"]).json()["status"].take();
        assert_eq!(status["listeners"][0]["backend"], to);
        let mut connections: Vec<_> = status["connections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|connection| connection["backend"].as_str().unwrap())
            .collect();
        // That of the stream keeps what it had.
        connections.sort_unstable();
        let mut expected = ["tokio", to];
        expected.sort_unstable();
        assert_eq!(connections, expected);
    }
    call.find("more of the table", |_| true);
}

#[test]
fn places_where_no_node_can_listen_are_refused() {
    let place = Place::new();
    let tcp = "transport:\n  default_type: tcp\n  tcp: { bind_address: 0.0.0.0:8443 }\n";
    let own = "transport.socket_path: ./node.sock\nipc.endpoint_path: node.sock\n";
    for (text, at, words) in [
        (
            "endpoint_path: pipe:foo\n",
            "1:1",
            "named pipes exist on Windows only",
        ),
        (
            "endpoint_path: tcp:0.0.0.0:99\n",
            "1:1",
            "transport.allow_plaintext",
        ),
        (
            "transport: { default_type: in-process, in_process: { enabled: false } }\n",
            "1:14",
            "in_process.enabled is false",
        ),
        (tcp, "3:10", "transport.allow_plaintext"),
        (own, "2:1", "where the node takes calls"),
    ] {
        place.write("edge.yaml", text);
        let check = place.run(["config", "check", "-c", "edge.yaml"]);
        let complaint = check.fails(3);
        assert!(
            complaint.contains(&format!("edge.yaml:{at}")),
            "{complaint}"
        );
        assert!(complaint.contains(words), "{text}: {complaint}");
    }
    for text in [
        "transport: { allow_plaintext: true, default_type: tcp, tcp: { bind_address: 0.0.0.0:84 } }",
        "transport: { tcp: { bind_address: 0.0.0.0:84 } }",
        "endpoint_path: tcp:[::1]:99",
        "endpoint_path: tcp:localhost:99",
        "endpoint_path: mem:exchange",
        "transport.default_type: named-pipe",
    ] {
        place.write("right.yaml", text);
        place.run(["config", "check", "-c", "right.yaml"]).ok();
    }
}

#[test]
fn values_that_no_server_takes_are_refused() {
    let place = Place::new();
    for (text, words) in [
        (
            "max_frame_bytes: 0",
            "0 bytes are not between 1 and 4294967295",
        ),
        ("max_frame_bytes: 4GiB", "4294967296 bytes are not between"),
        ("max_connections: 0", "0 connections"),
        (
            "max_connections: many",
            "ipc.max_connections: \"many\" is not a whole number of 0 or more",
        ),
        (
            "max_connections: -1",
            "\"-1\" is not a whole number of 0 or more",
        ),
        ("max_connections: 1.5", "a whole number of 0 or more"),
        ("read_timeout_ms: 0", "ipc.read_timeout_ms: no time at all"),
        ("endpoint_path: carrier:pigeon", "ipc.endpoint_path"),
    ] {
        place.write("edge.yaml", text);
        let complaint = place.run(["config", "check", "-c", "edge.yaml"]).fails(3);
        assert!(complaint.contains("edge.yaml:1:1"), "{complaint}");
        assert!(complaint.contains(words), "{text}: {complaint}");
    }
    place.write(
        "edge.yaml",
        "ipc: { max_frame_bytes: 1, max_connections: 1, read_timeout_ms: 1 }",
    );
    place.run(["config", "check", "-c", "edge.yaml"]).ok();
}
