//! Many clients at once, and exactly one daemon.

use std::collections::BTreeSet;
use std::process::Output;
use std::thread;

use super::bed::{Bed, find, pid, scaled, shown, text};

#[test]
fn of_twenty_clients_one_starts_the_daemon() {
    for _ in 0..scaled(ROUNDS, 1000) {
        let bed = Bed::new();
        let pids: BTreeSet<u32> = race(&bed, || {}).iter().map(pid).collect();
        assert_eq!(pids.len(), 1, "{pids:?}");
        assert_eq!(bed.starts(), 1);
    }
}

#[test]
fn a_daemon_that_is_stopped_under_its_clients_is_replaced_by_one() {
    let bed = Bed::new();
    for _ in 0..scaled(ROUNDS, 1000) {
        let before = bed.pid();
        let starts = bed.starts();
        let outputs = race(&bed, || {
            let stopped = bed.run(["--daemon", "stop"]);
            assert!(stopped.status.success(), "{}", shown(&stopped));
        });
        let mut pids: BTreeSet<u32> = outputs.iter().map(pid).collect();
        let after = bed.pid();
        assert_ne!(before, after);
        pids.extend([before, after]);
        // Whoever ran a command is one of those that started, and each of them started once.
        assert!(pids.len() <= 1 + bed.starts() - starts, "{pids:?}");
        assert_one(&bed, after);
    }
}

#[test]
fn a_daemon_that_is_killed_under_its_clients_is_replaced_by_one() {
    let bed = Bed::new();
    for _ in 0..scaled(ROUNDS, 1000) {
        let before = find(bed.pid());
        let outputs = race(&bed, || before.kill().unwrap());
        for output in &outputs {
            let is_lost = output.status.code() == Some(125)
                && text(&output.stderr).starts_with("daemon: daemon: the daemon was lost while");
            assert!(is_lost || output.status.success(), "{}", shown(output));
        }
        let after = bed.pid();
        assert_ne!(before.pid(), after);
        let done = outputs.iter().filter(|output| output.status.success());
        let pids: BTreeSet<u32> = done.map(pid).collect();
        assert!(pids.is_subset(&[before.pid(), after].into()), "{pids:?}");
        assert_one(&bed, after);
    }
}

#[test]
fn after_a_crash_the_next_command_works_and_says_so_if_asked() {
    let bed = Bed::new();
    let mut last = bed.pid();
    for crashes in 1..4 {
        find(last).kill().unwrap();
        let silent = crashes % 2 == 0;
        let arguments = if silent { &["pid"][..] } else { &["pid", "-v"] };
        let output = bed.run(arguments.iter().copied());
        assert_ne!(pid(&output), last);
        last = pid(&output);
        let said = text(&output.stderr);
        let expected = format!("after a crash, {crashes} in a row");
        match silent {
            true => assert_eq!(said, ""),
            false => assert!(said.contains(&expected), "{said}"),
        }
        assert_eq!(text(&bed.run(["pid", "-v"]).stderr), "", "it is said once");
    }
    let stopped = bed.run(["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    let said = text(&bed.run(["pid", "-v"]).stderr);
    assert!(said.contains("after a stop"), "{said}");
}

/// Twenty clients at once, with something that happens meanwhile.
fn race(bed: &Bed, meanwhile: impl FnOnce()) -> Vec<Output> {
    let (early, late) = (CLIENTS / 2, CLIENTS - CLIENTS / 2);
    let mut clients: Vec<_> = (0..early).map(|_| bed.start(["pid"])).collect();
    thread::scope(|scope| {
        let rest = scope.spawn(|| (0..late).map(|_| bed.start(["pid"])).collect::<Vec<_>>());
        meanwhile();
        clients.extend(rest.join().unwrap());
    });
    let outputs = clients.into_iter().map(|client| client.wait_with_output());
    outputs.map(Result::unwrap).collect()
}

/// Nobody but this process takes commands.
fn assert_one(bed: &Bed, pid: u32) {
    assert_eq!(bed.pid(), pid);
    let status = text(&bed.run(["--daemon", "status"]).stdout);
    assert!(
        status.contains(&format!("process {pid}, build")),
        "{status}"
    );
}

const CLIENTS: usize = 20;
/// Processes take their time under Wine.
const ROUNDS: usize = if cfg!(windows) { 3 } else { 20 };
