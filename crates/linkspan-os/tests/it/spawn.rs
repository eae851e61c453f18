//! Daemons and how they say that they are ready, on every system.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use linkspan_os::{NotReady, Process, ReadySender, Spawn, SpawnError};

use crate::child::{Part, append, daemon, late, soon, spawn, stay, until};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "says-ready",
        run: |text| {
            let sender = ReadySender::from_environment().unwrap();
            assert!(ReadySender::from_environment().is_none(), "there is one");
            sender.ready(text).unwrap();
            stay();
        },
    },
    Part {
        name: "says-failed",
        run: |text| {
            ReadySender::from_environment()
                .unwrap()
                .failed(text)
                .unwrap();
        },
    },
    Part {
        name: "ends",
        run: |_| std::process::exit(7),
    },
    Part {
        name: "gives-up",
        run: |_| {
            drop(ReadySender::from_environment());
            stay();
        },
    },
    Part {
        name: "says-nothing",
        run: |_| {
            let _sender = ReadySender::from_environment().unwrap();
            stay();
        },
    },
    Part {
        name: "waits-for-file",
        run: |path| {
            let sender = ReadySender::from_environment().unwrap();
            until(|| fs::exists(path).unwrap());
            sender.ready("late").ok();
            stay();
        },
    },
    Part {
        name: "lasts",
        run: |_| stay(),
    },
    Part {
        name: "writes-log",
        run: |text| {
            #[expect(clippy::print_stdout, clippy::print_stderr, reason = "is tested")]
            {
                println!("{text} on stdout");
                eprintln!("{text} on stderr");
            }
            ReadySender::from_environment().unwrap().ready("").unwrap();
        },
    },
];

fn kill(process: Process) {
    process.kill().unwrap();
    assert!(process.wait_end(late()).unwrap());
}

#[test]
fn a_daemon_says_that_it_is_ready_and_more() {
    let mut spawned = daemon("says-ready", "at home");
    let ready = spawned.wait_ready(late()).unwrap();
    assert_eq!(ready.text, "at home");
    let process = spawned.process();
    assert_ne!(process.pid(), std::process::id());
    assert!(process.is_alive().unwrap());
    kill(spawned.process());
    assert!(!process.is_alive().unwrap());
}

#[test]
fn a_daemon_says_why_it_failed_in_its_own_words() {
    let mut spawned = daemon("says-failed", "no room\nat all");
    let error = spawned.wait_ready(late()).unwrap_err();
    assert!(
        matches!(&error, NotReady::Failed { text } if text == "no room\nat all"),
        "{error}"
    );
}

#[test]
fn a_daemon_that_ends_without_a_word_is_seen_at_once() {
    let mut spawned = daemon("ends", "");
    let error = spawned.wait_ready(late()).unwrap_err();
    assert!(matches!(error, NotReady::Ended), "{error}");
}

#[test]
fn giving_up_the_channel_is_seen_as_well() {
    #[cfg(windows)]
    if crate::windows::is_gap("the console's process has whatever the daemon inherits") {
        return;
    }
    let mut spawned = daemon("gives-up", "");
    let error = spawned.wait_ready(late()).unwrap_err();
    assert!(matches!(error, NotReady::Ended), "{error}");
    kill(spawned.process());
}

#[test]
fn a_daemon_that_says_nothing_is_given_up_at_the_deadline_and_can_be_ended() {
    let mut spawned = daemon("says-nothing", "");
    let error = spawned.wait_ready(soon()).unwrap_err();
    assert!(matches!(error, NotReady::Deadline { .. }), "{error}");
    assert!(spawned.process().is_alive().unwrap());
    kill(spawned.process());
    #[cfg(windows)]
    if crate::windows::is_gap("the console's process has whatever the daemon inherits") {
        return;
    }
    let error = spawned.wait_ready(late()).unwrap_err();
    assert!(matches!(error, NotReady::Ended), "{error}");
}

#[test]
fn a_late_daemon_can_be_waited_for_again() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("go");
    let mut spawned = daemon("waits-for-file", &path);
    let error = spawned.wait_ready(soon()).unwrap_err();
    assert!(matches!(error, NotReady::Deadline { .. }), "{error}");
    fs::write(&path, "").unwrap();
    assert_eq!(spawned.wait_ready(late()).unwrap().text, "late");
    kill(spawned.process());
}

#[test]
fn a_daemon_whose_starter_does_not_listen_any_more_lives_on() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("go");
    let spawned = daemon("waits-for-file", &path);
    let process = spawned.process();
    drop(spawned);
    fs::write(&path, "").unwrap();
    assert!(!process.wait_end(soon()).unwrap());
    kill(process);
}

#[test]
fn stdout_and_stderr_go_to_the_log_behind_what_is_there() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("log");
    append(&path, "before").unwrap();
    let log = File::options().append(true).open(&path).unwrap();
    let mut spawned = spawn("writes-log", "text", log).detached().unwrap();
    spawned.wait_ready(late()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("before\n"), "{text}");
    for part in ["text on stdout", "text on stderr"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn what_cannot_be_started_is_an_error_that_names_it() {
    let base = tempfile::tempdir().unwrap();
    let missing = base.path().join("missing");
    let error = Spawn::new(missing.clone(), tempfile::tempfile().unwrap())
        .detached()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot start {}", missing.display())
    );
    let SpawnError::Start { source, .. } = error else {
        panic!("it was tried");
    };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_program_is_not_looked_for() {
    let log = tempfile::tempfile().unwrap();
    let error = Spawn::new(PathBuf::from("sh"), log).detached().unwrap_err();
    assert_eq!(error.to_string(), "program sh has no absolute path");
}

#[test]
fn who_was_not_started_as_a_daemon_has_nobody_to_tell() {
    assert!(ReadySender::from_environment().is_none());
}
