//! Starts that fail are explained, to everybody who waits.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::process::Output;

use super::bed::{Bed, shown, text};
#[cfg(unix)]
use super::bed::{find, wait_end};

// Elsewhere no file keeps a daemon from listening.
#[cfg(unix)]
#[test]
fn every_waiting_client_is_told_why_the_daemon_does_not_start() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    daemon.kill().unwrap();
    wait_end(daemon);
    let socket = bed.place().join("socket");
    fs::remove_file(&socket).unwrap();
    fs::create_dir(&socket).unwrap();

    let clients: Vec<_> = (0..8).map(|_| bed.start(["pid"])).collect();
    let outputs = clients
        .into_iter()
        .map(|client| client.wait_with_output().unwrap());
    for output in outputs {
        assert_explained(&output);
    }
    let doctor = bed.run(["--daemon", "doctor"]);
    assert!(
        text(&doctor.stdout).contains("a start has failed before"),
        "{}",
        shown(&doctor)
    );

    fs::remove_dir(&socket).unwrap();
    assert_ne!(bed.pid(), daemon.pid());
}

#[cfg(unix)]
#[track_caller]
fn assert_explained(output: &Output) {
    assert_eq!(output.status.code(), Some(125), "{}", shown(output));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("daemon: daemon: the daemon failed to start: "),
        "{said}"
    );
    assert!(said.contains("socket is a directory"), "{said}");
    assert!(said.contains("its log"), "{said}");
}

#[test]
fn a_daemon_does_not_start_itself_from_within() {
    let bed = Bed::new();
    bed.pid();
    let name = bed.place().file_name().unwrap().to_owned();
    bed.run(["--daemon", "stop"]);
    let mut command = bed.command(["pid"]);
    let output = command.env("LINKSPAN_DAEMON_CHAIN", name).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    assert!(
        text(&output.stderr).contains("is not started from within itself"),
        "{}",
        shown(&output)
    );
}

#[test]
fn wrong_calls_are_explained() {
    let bed = Bed::new();
    for arguments in [&["--daemon", "dance"][..], &["--daemon-id"], &["--daemon"]] {
        let output = bed.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(
            text(&output.stderr).contains("is followed by"),
            "{}",
            shown(&output)
        );
    }
    assert!(!bed.runtime.path().join("linkspan").exists());
}

#[test]
fn doctor_finds_nothing_where_all_is_well() {
    let bed = Bed::new();
    bed.pid();
    let doctor = bed.run(["--daemon", "doctor"]);
    assert!(doctor.status.success(), "{}", shown(&doctor));
    assert!(
        text(&doctor.stdout).contains("ok: the daemon answers"),
        "{}",
        shown(&doctor)
    );
}
