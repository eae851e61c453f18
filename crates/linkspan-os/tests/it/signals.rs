//! Deaths by signal, and SIGPIPE.

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use linkspan_os::{die_by_signal, ignore_sigpipe, reset_sigpipe};

use crate::child::{Part, command, start};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "dies",
        run: |signal| die_by_signal(signal.parse().unwrap()),
    },
    Part {
        name: "pipe-reset",
        run: |_| {
            ignore_sigpipe();
            reset_sigpipe();
            write_to_nobody();
        },
    },
    Part {
        name: "pipe-ignored",
        run: |_| {
            reset_sigpipe();
            ignore_sigpipe();
            assert_eq!(write_to_nobody().kind(), io::ErrorKind::BrokenPipe);
            std::process::exit(3);
        },
    },
];

fn write_to_nobody() -> io::Error {
    let (reader, mut writer) = io::pipe().unwrap();
    drop(reader);
    writer.write_all(b"x").unwrap_err()
}

#[test]
fn whoever_waits_sees_a_death_by_signal() {
    for signal in [1, 2, 9, 13, 15] {
        let status = start("dies", signal.to_string()).wait().unwrap();
        assert_eq!(status.signal(), Some(signal));
    }
}

#[test]
fn a_signal_that_is_ignored_and_held_back_kills_nevertheless() {
    let child = command("dies", "15");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "trap '' TERM; exec \"$@\"", "sh"])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(
            child
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdout(Stdio::null());
    assert_eq!(shell.status().unwrap().signal(), Some(15));
}

#[test]
fn a_signal_that_ends_nobody_becomes_a_code() {
    // SIGCHLD and SIGURG are ignored by default, and the last is no signal.
    for signal in [17, 23, 100] {
        let status = start("dies", signal.to_string()).wait().unwrap();
        assert_eq!(status.code(), Some(128 + signal), "{status}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_kills_or_fails_as_chosen() {
    for (part, signal, code) in [
        ("pipe-reset", Some(13), None),
        ("pipe-ignored", None, Some(3)),
    ] {
        let status = start(part, "").wait().unwrap();
        assert_eq!((status.signal(), status.code()), (signal, code), "{part}");
    }
}
