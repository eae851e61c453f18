//! Daemons that crash over and over.

use std::process::Output;

use super::bed::{Bed, find, pid, shown, text, wait_end};

/// Runs a command and kills the daemon after it; gives what was said.
fn crash(bed: &Bed, longest_pause_ms: &str) -> Output {
    let mut command = bed.command(["pid", "-v"]);
    let output = command
        .env("DAEMON_EXAMPLE_PAUSE", longest_pause_ms)
        .output()
        .unwrap();
    let daemon = find(pid(&output));
    daemon.kill().unwrap();
    wait_end(daemon);
    output
}

#[test]
fn commands_work_and_wait_after_some_crashes() {
    let bed = Bed::new();
    let crashes: Vec<_> = (0..4).map(|_| crash(&bed, "1000")).collect();
    for output in &crashes {
        assert!(!text(&output.stderr).contains("pause"), "{}", shown(output));
    }
    let doctor = bed.run(["--daemon", "doctor"]);
    let found = text(&doctor.stdout);
    assert_eq!(doctor.status.code(), Some(1), "{found}");
    assert!(found.contains("problem: 4 crashes within "), "{found}");
    assert!(
        found.contains("started: after a crash, 3 in a row"),
        "{found}"
    );

    let paused = crash(&bed, "1000");
    let said = text(&paused.stderr);
    assert!(
        said.contains("the daemon was started: after a crash, 4 in a row, after a pause of "),
        "{said}"
    );
    assert!(said.contains(" ms for 4 crashes within "), "{said}");
}

#[test]
fn an_end_in_order_ends_the_row() {
    let bed = Bed::new();
    for _ in 0..4 {
        crash(&bed, "1");
    }
    bed.pid();
    let stopped = bed.run(["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    let output = crash(&bed, "1000");
    assert!(
        text(&output.stderr).ends_with("the daemon was started: after a stop\n"),
        "{}",
        shown(&output)
    );
    let doctor = bed.run(["--daemon", "doctor"]);
    assert!(
        text(&doctor.stdout).contains("ok: 1 crash within "),
        "{}",
        shown(&doctor)
    );
}

#[test]
fn a_pause_is_not_for_who_restarts_the_daemon() {
    let bed = Bed::new();
    for _ in 0..5 {
        crash(&bed, "1");
    }
    let mut command = bed.command(["--daemon", "restart"]);
    let restarted = command
        .env("DAEMON_EXAMPLE_PAUSE", "3600000")
        .output()
        .unwrap();
    assert!(restarted.status.success(), "{}", shown(&restarted));
}
