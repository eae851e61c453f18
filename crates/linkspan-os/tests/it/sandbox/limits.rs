//! What guests may use of the machine.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use linkspan_os::sandbox::{Access, Exit, Grant, Launch, Level, ProcessTable, Program, Running};

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
    ("shared-memory", shared_memory),
    ("usage", usage),
    ("parent", parent),
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
fn shared_memory_that_is_given_away_counts_nevertheless() {
    play("shared-memory", &CONFINED);
}

fn shared_memory(level: Level) {
    let path = "/usr/bin/python3";
    if !std::path::Path::new(path).exists() {
        eprintln!("gap: there is no {path}");
        return;
    }
    let mut launch = Launch::new(Program::open(path).unwrap(), level);
    launch.arguments = ["-I", "-c", HIDES].map(Into::into).to_vec();
    launch.limits.memory_bytes = Some(256 << 20);
    let Some(mut running) = start(launch) else {
        return;
    };
    let output = running.take_output().unwrap();
    let mut lines = BufReader::new(File::from(output.stdout)).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "no files in memory");
    assert_eq!(lines.next().unwrap().unwrap(), "hidden");
    until(|| {
        running.check(&ProcessTable::read().unwrap()).unwrap();
        running.try_wait().unwrap().is_some()
    });
    let limit_bytes = 256 << 20;
    let exit = running.try_wait().unwrap();
    assert_eq!(exit, Some(Exit::OutOfMemory { limit_bytes }));
}

/// Fills pages and gives them away from itself, by which they go on to be memory of the machine.
const HIDES: &str = "
import errno, mmap, os, time
try:
    os.memfd_create('hidden')
except OSError as error:
    assert error.errno == errno.ENOSYS
    print('no files in memory', flush=True)
kept = []
for _ in range(5):
    memory = mmap.mmap(-1, 60 << 20)
    for at in range(0, len(memory), 4096): memory[at] = 1
    memory.madvise(mmap.MADV_DONTNEED)
    kept.append(memory)
print('hidden', flush=True)
time.sleep(60)
";

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

#[test]
fn the_parent_of_a_guest_keeps_nothing_of_the_hosts_memory() {
    play("parent", &ALL);
}

fn parent(level: Level) {
    let mut ballast = vec![1_u8; 64 << 20];
    let marker = marker();
    let Some(mut running) = start(guest(level, &format!("stays {marker}"))) else {
        return;
    };
    // Whatever was in these pages, a copy would keep.
    for page in ballast.iter_mut().step_by(4096) {
        *page += 1;
    }
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let figure = |status: &str, name| -> u32 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let parent = figure(&status(running.pid()), "PPid:");
    until(|| {
        let status = status(parent);
        assert!(status.starts_with("Name:\tlinkspan-init\n"), "{status}");
        figure(&status, "RssAnon:") + figure(&status, "VmPTE:") < 2 << 10
    });
    let arguments = fs::read(format!("/proc/{parent}/cmdline")).unwrap();
    let own = fs::read("/proc/self/cmdline").unwrap();
    assert_eq!(arguments, own, "tools show whose it is");
    ends_as_usual(&mut running);
    assert!(ballast.iter().step_by(4096).all(|byte| *byte == 2));
}

/// It still hears of the end, and tells it.
fn ends_as_usual(running: &mut Running) {
    running.terminate().unwrap();
    let exit = running.wait(crate::child::late()).unwrap();
    assert_eq!(exit, Some(Exit::Signal(15)));
}
