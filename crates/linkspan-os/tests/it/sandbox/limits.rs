//! What guests may use of the machine.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use linkspan_os::sandbox::{Access, Exit, Grant, Level, ProcessTable};

use super::guest::REFUSED;
use super::host::{
    ALL, CONFINED, Scenario, finish, guest, is_anybody, marker, open_directory, play, start, until,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("processes", processes),
    ("memory", memory),
    ("memory-of-many", memory_of_many),
    ("disk", disk),
    ("file-size", file_size),
    ("usage", usage),
];

#[test]
fn ten_thousand_processes_are_refused() {
    play("processes", &CONFINED);
}

fn processes(level: Level) {
    let marker = marker();
    let mut launch = guest(level, &format!("forks {marker}"));
    launch.limits.processes = Some(32);
    let Some(running) = start(launch) else {
        return;
    };
    let (exit, text) = finish(running);
    assert_eq!(exit, Exit::Code(REFUSED), "{text}");
    let line = text.lines().find_map(|line| line.split_once("started "));
    let (started, _) = line.unwrap().1.split_once(':').unwrap();
    let started: u32 = started.parse().unwrap();
    assert!((1..32).contains(&started), "{started}");
    assert!(!is_anybody(&marker), "all ended with the first");
}

#[test]
fn ten_gigabytes_are_refused() {
    play("memory", &ALL);
}

fn memory(level: Level) {
    let mut launch = guest(level, "allocates 10240");
    launch.limits.memory_bytes = Some(256 << 20);
    let Some(running) = start(launch) else {
        return;
    };
    let (exit, text) = finish(running);
    // Whichever allocation is the first to fail: its own, or one of the runtime.
    let is_refused = matches!(exit, Exit::Code(REFUSED) | Exit::Signal(6));
    assert!(is_refused, "{exit}: {text}");
}

#[test]
fn memory_of_many_processes_counts_together() {
    play("memory-of-many", &ALL);
}

fn memory_of_many(level: Level) {
    let mut launch = guest(level, "shares 400");
    launch.limits.memory_bytes = Some(256 << 20);
    launch.grants = vec![Grant::new(std::env::current_exe().unwrap(), Access::Read)];
    let Some(mut running) = start(launch) else {
        return;
    };
    until(|| {
        let table = ProcessTable::read().unwrap();
        running.check(&table).unwrap();
        running.try_wait().unwrap().is_some()
    });
    let limit_bytes = 256 << 20;
    assert_eq!(
        running.try_wait().unwrap(),
        Some(Exit::OutOfMemory { limit_bytes })
    );
}

#[test]
fn the_own_file_system_is_full_at_its_limit() {
    play("disk", &[Level::Strict]);
}

fn disk(level: Level) {
    for path in ["/tmp/much", "/dev/shm/much"] {
        let mut launch = guest(level, &format!("fills {path}"));
        launch.limits.disk_bytes = 8 << 20;
        let Some(running) = start(launch) else {
            return;
        };
        let (exit, text) = finish(running);
        assert_eq!(exit, Exit::Code(REFUSED), "{text}");
        let line = text.lines().find_map(|line| line.split_once("wrote "));
        let (written, _) = line.unwrap().1.split_once(':').unwrap();
        let written: u64 = written.parse().unwrap();
        assert!((4 << 20..=8 << 20).contains(&written), "{written}");
    }
}

#[test]
fn files_have_a_limit_where_there_is_no_quota() {
    play("file-size", &ALL);
}

fn file_size(level: Level) {
    let base = open_directory();
    let path = base.path().join("much");
    let mut launch = guest(level, &format!("fills {}", path.display()));
    launch.grants = vec![Grant::new(base.path(), Access::Write)];
    launch.limits.file_bytes = Some(1 << 20);
    let Some(running) = start(launch) else {
        return;
    };
    const SIGXFSZ: i32 = 25;
    assert_eq!(finish(running).0, Exit::Signal(SIGXFSZ));
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
}

#[test]
fn usage_is_that_of_all_processes_of_a_guest() {
    play("usage", &ALL);
}

fn usage(level: Level) {
    let marker = marker();
    let Some(mut running) = start(guest(level, &format!("stays {marker}"))) else {
        return;
    };
    let output = running.take_output().unwrap();
    let mut lines = BufReader::new(File::from(output.stdout)).lines();
    until(|| lines.next().unwrap().unwrap().contains("ready"));
    until(|| {
        let usage = running.usage(&ProcessTable::read().unwrap()).unwrap();
        usage.processes == 2 && usage.memory_bytes > 0
    });
    assert!(!running.applied().weaknesses.is_empty() || level != Level::None);
}
