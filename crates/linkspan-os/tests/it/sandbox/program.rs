//! What a guest is, and what it has.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use linkspan_os::sandbox::{Access, Grant, Launch, LaunchError, Level, Program, sealed_copy};

use super::host::{ALL, CONFINED, Scenario, finish, guest, open_directory, play, start};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("inheritance", inheritance),
    ("pairs", pairs),
    ("dispositions", dispositions),
    ("replaced", replaced),
    ("failures", failures),
    ("applied", applied),
];

#[test]
fn a_guest_has_what_it_was_given_and_nothing_else() {
    play("inheritance", &ALL);
}

fn inheritance(level: Level) {
    // Some open files that must not be seen, one of them inheritable.
    let _more: Vec<_> = (0..8).map(|_| File::open("/dev/null").unwrap()).collect();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut launch = guest(level, "echoes");
    launch.descriptors = vec![(3, theirs.into())];
    let Some(running) = start(launch) else {
        return;
    };
    ours.write_all(b"hello").unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert!(finish(running).0.is_success());

    let mut launch = guest(level, "shows");
    launch.environment.push(("COLOUR".into(), "blue".into()));
    launch.descriptors = vec![(4, File::open("/dev/null").unwrap().into())];
    let running = start(launch).unwrap();
    let pid = running.pid();
    let (exit, text) = finish(running);
    assert!(exit.is_success(), "{text}");
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let directory = if level == Level::Strict { "/tmp" } else { "/" };
    assert_eq!(line("directory"), directory);
    assert_eq!(line("umask"), "0077");
    let variables = "COLOUR LINKSPAN_TEST_ARGUMENT LINKSPAN_TEST_PART PWD _";
    for name in line("variables").split(' ') {
        assert!(variables.split(' ').any(|known| known == name), "{text}");
    }
    // `ls` has one more, the directory; where there is no /proc, nothing is seen.
    let seen = line("descriptors");
    assert!(["0 1 2 3 4", ""].contains(&&*seen), "{text}");
    assert_ne!(pid, std::process::id());
}

#[test]
fn any_number_of_pairs_can_be_inherited() {
    play("pairs", &ALL);
}

fn pairs(level: Level) {
    let script = "read a <&3; echo three: $a >&3; read b <&4; echo four: $b >&4; \
                  read c <&9; echo nine: $c >&9";
    let mut ours = Vec::new();
    let mut launch = shell(level, script);
    // Numbers that this process has in use otherwise, in another order.
    for number in [9, 3, 4] {
        let (our, their) = UnixStream::pair().unwrap();
        launch.descriptors.push((number, their.into()));
        ours.push((number, our));
    }
    let Some(running) = start(launch) else {
        return;
    };
    for (number, our) in &mut ours {
        writeln!(our, "hello {number}").unwrap();
    }
    for (number, our) in &mut ours {
        let mut text = String::new();
        our.read_to_string(&mut text).unwrap();
        let name = match number {
            3 => "three",
            4 => "four",
            _ => "nine",
        };
        assert_eq!(text, format!("{name}: hello {number}\n"));
    }
    assert!(finish(running).0.is_success());
}

#[test]
fn signals_that_the_host_ignores_or_holds_back_do_what_they_do_by_default() {
    play("dispositions", &[Level::None, Level::Strict]);
}

fn dispositions(level: Level) {
    // The Rust runtime has this one ignored.
    assert!(linkspan_os::is_ignored(13));
    let script = "while read name value; do case $name in Sig[BI]*|ShdPnd*) echo $name $value;; \
                  esac; done </proc/self/status";
    let Some(running) = start(shell(level, script)) else {
        return;
    };
    let (exit, text) = finish(running);
    assert!(exit.is_success(), "{exit}: {text}");
    let none = "0000000000000000";
    let expected = format!("ShdPnd: {none}\nSigBlk: {none}\nSigIgn: {none}\n");
    // Some systems let nobody have a /proc.
    assert!(
        text == expected || text.contains("/proc/self/status"),
        "{text}"
    );
}

fn shell(level: Level, script: &str) -> Launch {
    let mut launch = Launch::new(Program::open("/bin/sh").unwrap(), level);
    launch.arguments = ["-c", script].map(Into::into).to_vec();
    launch
}

#[test]
fn the_bytes_that_were_hashed_are_those_that_run() {
    play("replaced", &ALL);
}

fn replaced(level: Level) {
    let base = open_directory();
    let path = base.path().join("program");
    fs::copy("/usr/bin/true", &path).unwrap();
    let mut seen = Vec::new();
    let source = File::open(&path).unwrap();
    let program = Program::copy(source, "true", |bytes| seen.extend_from_slice(bytes)).unwrap();
    assert_eq!(seen, fs::read("/usr/bin/true").unwrap());
    // Whoever may write to the path is too late.
    fs::copy("/usr/bin/false", &path).unwrap();
    for _ in 0..3 {
        let Some(running) = start(Launch::new(program.clone(), level)) else {
            return;
        };
        assert!(finish(running).0.is_success());
    }
    let mut copy = sealed_copy(&b"bytes"[..], "bytes", |_| {}).unwrap();
    copy.write_all(b"other").unwrap_err();
    copy.set_len(0).unwrap_err();
}

#[test]
fn what_fails_on_the_way_is_named() {
    play("failures", &ALL);
}

fn failures(level: Level) {
    let no_program = Program::copy(&b"#! nothing"[..], "script", |_| {}).unwrap();
    let mut nowhere = guest(level, "shows");
    nowhere.directory = Some("/nowhere".into());
    for (launch, step) in [
        (Launch::new(no_program, level), "execute the program"),
        (nowhere, "enter the working directory"),
    ] {
        match launch.start() {
            Err(LaunchError::Step { step: failed, .. }) => assert_eq!(failed, step),
            Err(LaunchError::Unavailable { .. }) => return,
            other => panic!("{other:?}"),
        }
    }
    let mut missing = guest(level, "shows");
    missing.grants = vec![Grant::new("/nowhere", Access::Read)];
    match missing.start() {
        Ok(_) => assert_eq!(level, Level::None),
        Err(error) => assert_eq!(
            error.to_string(),
            "cannot prepare the granted path /nowhere"
        ),
    }
    let mut taken = guest(level, "shows");
    taken.descriptors = vec![(1, File::open("/dev/null").unwrap().into())];
    let error = taken.start().unwrap_err();
    assert_eq!(error.to_string(), "descriptor \"1\" is taken");
    let mut relative = guest(level, "shows");
    relative.directory = Some("tmp".into());
    let error = relative.start().unwrap_err();
    assert_eq!(error.to_string(), "directory \"tmp\" is not absolute");
}

#[test]
fn what_was_applied_is_told() {
    play("applied", &CONFINED);
}

fn applied(level: Level) {
    let Some(running) = start(guest(level, "shows")) else {
        return;
    };
    let applied = running.applied().clone();
    assert_eq!(applied.level, level);
    assert!(applied.filters_calls);
    if applied.has_pid_namespace {
        let (_, text) = finish(running);
        // The init is the first, then comes the guest, and its shell.
        let pid = text.lines().find_map(|line| line.strip_prefix("pid "));
        let pid: u32 = pid.unwrap().parse().unwrap();
        assert!(pid < 10, "{text}");
    }
}
