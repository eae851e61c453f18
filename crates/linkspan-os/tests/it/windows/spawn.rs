use std::env;
use std::fs;

use linkspan_os::{Directory, DirectoryError, ReadySender, die_by_signal};

use crate::child::{Part, command, daemon, late, start, stay};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "reports",
        run: |_| {
            let sender = ReadySender::from_environment().unwrap();
            let child = command("has-nobody-to-tell", "").status().unwrap();
            let names: Vec<_> = env::vars().map(|(name, _)| name).collect();
            let directory = env::current_dir().unwrap();
            let lines = [
                format!("directory={}", directory.display()),
                format!("environment={}", names.join(" ")),
                format!("child={}", child.code().unwrap()),
            ];
            sender.ready(&lines.join("\n")).unwrap();
            stay();
        },
    },
    Part {
        name: "has-nobody-to-tell",
        run: |_| assert!(ReadySender::from_environment().is_none()),
    },
    Part {
        name: "dies",
        run: |signal| die_by_signal(signal.parse().unwrap()),
    },
];

#[test]
fn a_daemon_has_only_what_it_was_given() {
    let mut spawned = daemon("reports", "");
    let text = spawned.wait_ready(late()).unwrap().text;
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|line| line.0 == name).unwrap().1
    };
    let directory = value("directory").to_lowercase();
    assert!(directory.ends_with(r"\system32"), "{text}");
    let names = value("environment").split(' ');
    // The test harness sets some of its own, and Wine gives a few to everybody.
    let given = ["SystemRoot", "LINKSPAN_TEST_PART", "LINKSPAN_TEST_ARGUMENT"];
    for name in given {
        assert!(
            names.clone().any(|found| found.eq_ignore_ascii_case(name)),
            "{text}"
        );
    }
    for name in [
        "LINKSPAN_READY_HANDLE",
        "PATH",
        "UNDER_WINE",
        "CARGO_MANIFEST_DIR",
    ] {
        assert!(
            !names.clone().any(|found| found.eq_ignore_ascii_case(name)),
            "{text}"
        );
    }
    assert_eq!(value("child"), "0");
    spawned.process().kill().unwrap();
    assert!(spawned.process().wait_end(late()).unwrap());
}

#[test]
fn a_death_by_interrupt_has_the_code_of_an_unhandled_one() {
    for (signal, code) in [("2", 0xC000_013A_u32.cast_signed()), ("15", 143)] {
        let status = start("dies", signal).wait().unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn a_private_directory_is_made_and_opened_again() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join(r"a\b");
    for _ in 0..2 {
        drop(Directory::open_private(&path).unwrap());
    }
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Directory::open_private(&file).unwrap_err();
    assert!(matches!(error, DirectoryError::Io { .. }), "{error}");
}
