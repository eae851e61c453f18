//! `linkspan transport`.

use std::process::Stdio;

use rustix::process::{Signal, kill_process};

use crate::support::{Place, pid, until};

#[test]
fn every_transport_can_be_measured() {
    for transport in ["in-process", "unix-socket", "tcp"] {
        let place = Place::new();
        let test = [
            "transport",
            "test",
            "--type",
            transport,
            "--count",
            "500",
            "--json",
        ];
        let measured = place.run(test).json();
        assert_eq!(
            (&measured["count"], &measured["size"]),
            (&500.into(), &64.into())
        );
        let latency = &measured["latency_us"];
        let micros = |name: &str| latency[name].as_f64().unwrap();
        assert!(
            0.0 < micros("p50") && micros("p50") <= micros("p99") && micros("p99") <= micros("max")
        );
        assert!(measured["calls_per_second"].as_u64().unwrap() > 0);
    }
}

#[test]
fn backends_can_be_compared() {
    let place = Place::new();
    let test = ["transport", "test", "--count", "200"];
    let run = |more: &[&str]| place.run(test.iter().chain(more));
    let lines = run(&["--backend", "all", "--json"]).ok();
    let backends: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["backend"].take())
        .collect();
    assert_eq!(backends, ["tokio", "interprocess", "legacy"]);
    let table = run(&["--backend", "All"]).ok();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table.contains("P99.9") && table.contains("legacy"),
        "{table}"
    );
    let one = run(&["--backend", "legacy"]).ok();
    assert!(one.contains("legacy") && one.contains("p99.9"), "{one}");
    run(&["--backend", "all", "--type", "tcp"]).fails(2);
    let unknown = run(&["--backend", "fast"]).fails(2);
    assert!(unknown.contains("tokio, interprocess, legacy"), "{unknown}");
}

#[test]
fn size_and_calls_at_once_can_be_chosen() {
    let place = Place::new();
    let arguments = [
        "transport",
        "test",
        "--count",
        "100",
        "--size",
        "1MiB",
        "--in-flight",
        "8",
    ];
    let text = place.run(arguments).ok();
    for words in ["100 of 1.0 MiB each way, 8 at once", "p99.9", "rate"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    place.run(["transport", "test", "--count", "0"]).fails(2);
    place
        .run(["transport", "test", "--in-flight", "0"])
        .fails(2);
    place
        .run(["transport", "test", "--type", "smoke-signals"])
        .fails(2);
}

#[test]
fn a_transport_that_is_not_here_is_a_mistake_in_the_command() {
    let place = Place::new();
    let pipe = place.run(["transport", "test", "--type", "named-pipe"]);
    assert_eq!(pipe.stdout, "");
    let complaint = pipe.fails(2);
    assert!(
        complaint.contains("named pipes exist on Windows only"),
        "{complaint}"
    );
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    let place = Place::new();
    let refuse = |options: &[&str], words: &str| {
        let test = ["transport", "test"].iter().chain(options);
        let complaint = place.run(test).fails(2);
        assert!(complaint.contains(words), "{complaint}");
    };
    let limit = "exceed the limit of 64MiB";
    refuse(&["--size", "100000GiB"], limit);
    refuse(&["--size", "67108865", "--type", "in-process"], limit);
    refuse(
        &["--size", "64MiB", "--in-flight", "17"],
        "17 messages of 64MiB at once exceed the limit of 1GiB",
    );
    refuse(&["--in-flight", "4294967295"], "is not in 1..=10000");
    refuse(&["--count", "18446744073709551616"], "too large");
}

#[test]
fn a_killed_measurement_leaves_nothing() {
    for signal in [Signal::TERM, Signal::KILL] {
        let (place, temporary) = (Place::new(), tempfile::tempdir().unwrap());
        let left = || std::fs::read_dir(temporary.path()).unwrap().count();
        let mut command = place.command(["transport", "test", "--count", "1000000000"]);
        command
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut measuring = command.spawn().unwrap();
        until("the node has its directory", || left() == 1);
        kill_process(pid(&measuring), signal).unwrap();
        measuring.wait().unwrap();
        until("the directory is gone", || left() == 0);
    }
}

#[test]
fn recommendations_can_be_pasted() {
    let place = Place::new();
    let advice = place.run(["transport", "recommend", "--json"]).json();
    assert_eq!(
        (&advice[0]["transport"], &advice[0]["verdict"]),
        (&"unix".into(), &"recommended".into())
    );
    place.write("advice.yaml", advice[0]["config"].as_str().unwrap());
    place.run(["config", "check", "-c", "advice.yaml"]).ok();

    let within = place
        .run(["transport", "recommend", "--ends", "same-process", "--json"])
        .json();
    assert_eq!(within[0]["transport"], "mem");
    let windows = ["transport", "recommend", "--platform", "windows", "--json"];
    let windows = place.run(windows).json();
    assert_eq!(windows[0]["transport"], "pipe");
    place.write("pipe.yaml", windows[0]["config"].as_str().unwrap());
    place.run(["config", "check", "-c", "pipe.yaml"]).ok();
    let elsewhere = place.run(["up", "-c", "pipe.yaml"]).fails(1);
    assert!(elsewhere.contains("pipe:linkspan"), "{elsewhere}");
    let far = place
        .run(["transport", "recommend", "--ends", "other-machine"])
        .ok();
    assert!(
        far.contains("needs security configuration") && far.contains("not supported"),
        "{far}"
    );
}
