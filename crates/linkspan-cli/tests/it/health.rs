//! `linkspan transport status` and `monitor`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Signal, kill_process};

use crate::support::{Lines, Place, finish, pid};

#[test]
fn status_tells_what_was_counted() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    for _ in 0..3 {
        place.run(["call", &node.address(), "node.echo", "1"]).ok();
    }
    place
        .run(["call", &node.address(), "node.ehco", "1"])
        .fails(5);
    let shown = place.run(["transport", "status", "--json"]).json();
    let listener = &shown["listeners"][0];
    assert_eq!(listener["accepted"], 5, "{listener}");
    assert_eq!(listener["messages"], 4, "{listener}");
    assert_eq!(listener["errors"], 1, "{listener}");
    assert_eq!(
        (&listener["open"], &listener["max_connections"]),
        (&1.into(), &100.into())
    );
    let micros = |what: &str, figure: &str| listener[what][figure].as_f64().unwrap();
    for what in ["latency", "waiting", "handling"] {
        assert!(
            micros(what, "p50_us") <= micros(what, "p99_us"),
            "{listener}"
        );
        assert!(
            micros(what, "p99_us") <= micros(what, "max_us"),
            "{listener}"
        );
    }
    let parts = micros("waiting", "sum_us") + micros("handling", "sum_us");
    assert!(
        (micros("latency", "sum_us") - parts).abs() < 1.0,
        "{listener}"
    );
    let error = &listener["last_error"];
    assert!(
        error["message"].as_str().unwrap().contains("node.ehco"),
        "{error}"
    );
    assert!(error["age_ms"].as_u64().unwrap() < 20_000, "{error}");

    let text = place.run(["transport", "status"]).ok();
    for words in [
        "REQUESTS/S",
        "P99",
        "tokio",
        "1/100",
        "last error at",
        "node.ehco",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let all = place.run(["status", "--json"]).json();
    let counted = &all["status"]["listeners"][0]["latency"]["count"];
    // Two more questions like this one, and their answers.
    assert_eq!(*counted, 7, "{all}");
}

#[test]
fn a_monitor_prints_as_many_samples_as_fit() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let monitor = [
        "transport",
        "monitor",
        "--duration",
        "550ms",
        "--interval",
        "100ms",
    ];
    let text = place.run(monitor.iter().chain(&["--json"])).ok();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{text}");
    for line in &lines {
        let listener = &line["listeners"][0];
        assert_eq!(listener["address"], node.address());
        // Its own question.
        assert_eq!(listener["messages"], 1, "{text}");
        assert!(listener["message_rate"].as_f64().unwrap() > 0.0);
    }
    let text = place.run(monitor).ok();
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("HANDLER") && text.contains("tokio"), "{text}");
    for wrong in [["--interval", "50ms"], ["--interval", "2m"]] {
        place
            .run(["transport", "monitor"].iter().chain(&wrong))
            .fails(2);
    }
}

#[test]
fn a_monitor_ends_in_order_on_an_interrupt_and_when_nobody_reads() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let endless = [
        "transport",
        "monitor",
        "--duration",
        "1h",
        "--interval",
        "100ms",
        "--json",
    ];
    let mut monitor = Lines::start(place.command(endless));
    monitor.find("a sample", |line| line["listeners"][0]["messages"] == 1);
    kill_process(pid(&monitor.child), Signal::INT).unwrap();
    assert_eq!(monitor.ends(), (Some(0), String::new()));

    let mut command = place.command(endless);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = BufReader::new(child.stdout.take().unwrap());
    head.read_line(&mut String::new()).unwrap();
    drop(head);
    let ran = finish(child);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));

    let mut monitor = Lines::start(place.command(endless));
    monitor.find("a sample", |_| true);
    drop(node);
    let (code, complaint) = monitor.ends();
    // It notices while it asks, or before it asks.
    assert!(matches!(code, Some(4 | 5)), "{code:?}: {complaint}");
}
