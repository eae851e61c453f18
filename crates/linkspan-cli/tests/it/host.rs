//! The machine's real processes.

use std::process::{Command, Stdio};

use crate::support::{Lines, Place};

#[test]
fn processes_are_listed_and_a_new_one_appears_changes_and_ends() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let parameters = r#"{"interval_ms": 100}"#;
    let call = Lines::start(place.command([
        "call",
        &node.address(),
        "host.processes",
        parameters,
        "--json",
    ]));
    let own = call.find("this process", |line| line["pid"] == std::process::id());
    assert_eq!(own["event"], "present");
    assert!(own["memory_bytes"].as_u64().unwrap() > 0);

    // A shell that waits for a line and then becomes another program.
    let mut child = Command::new("sh")
        .args(["-c", "read line; exec sleep 1000"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let child_pid = child.id();
    let is_child = |line: &serde_json::Value| line["pid"] == child_pid;
    let started = call.find("it starts", is_child);
    assert_eq!(
        (&started["event"], &started["parent"]),
        (&"started".into(), &std::process::id().into())
    );
    drop(child.stdin.take());
    let changed = call.find("it changes", |line| {
        is_child(line) && line["name"] == "sleep"
    });
    assert_eq!(changed["event"], "changed");
    child.kill().unwrap();
    child.wait().unwrap();
    call.find("it ends", |line| is_child(line) && line["event"] == "ended");
}

#[test]
fn the_table_can_be_had_once() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let text = place
        .run([
            "call",
            &node.address(),
            "host.processes",
            r#"{"follow": false}"#,
            "--json",
        ])
        .ok();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| line["event"] == "present"));
    assert!(lines.iter().any(|line| line["pid"] == node.child.id()));
}

#[test]
fn a_caller_that_goes_leaves_nothing_running() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    for _ in 0..3 {
        place
            .run(["call", &node.address(), "host.processes", "--first", "1"])
            .ok();
    }
    crate::support::until("all streams are over", || {
        let status = place.run(["status", "--json"]).json();
        let connections = status["status"]["connections"].as_array().unwrap().clone();
        connections.len() == 1 && connections[0]["in_progress"] == 1
    });
}
