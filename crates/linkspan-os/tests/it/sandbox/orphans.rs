//! How guests end, and that all of them do.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use linkspan_os::sandbox::{Exit, Level, Running};

use super::host::{
    ALL, Scenario, User, command, finish, guest, is_anybody, marker, open_directory, play, start,
    until, users,
};
use crate::child::{late, soon};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("leaves", leaves),
    ("deaf", deaf),
    ("dropped", dropped),
    ("thread", thread),
    ("works", works),
];

#[test]
fn what_a_guest_leaves_behind_ends_with_it() {
    play("leaves", &ALL);
}

fn leaves(level: Level) {
    let marker = marker();
    let Some(running) = start(guest(level, &format!("leaves {marker}"))) else {
        return;
    };
    let (exit, text) = finish(running);
    assert!(text.contains("left"), "{text}");
    assert_eq!(exit, Exit::Code(0));
    assert!(!is_anybody(&marker));
}

#[test]
fn who_ignores_sigterm_is_killed() {
    play("deaf", &ALL);
}

fn deaf(level: Level) {
    let marker = marker();
    let Some(mut obedient) = start_staying(level, &marker) else {
        return;
    };
    obedient.terminate().unwrap();
    assert_eq!(obedient.wait(late()).unwrap(), Some(Exit::Signal(15)));
    obedient.terminate().unwrap();
    obedient.kill().unwrap();
    assert_eq!(obedient.try_wait().unwrap(), Some(Exit::Signal(15)));
    assert!(!is_anybody(&marker));

    let mut deaf = start_staying(level, &format!("{marker},deaf")).unwrap();
    deaf.terminate().unwrap();
    assert_eq!(deaf.wait(soon()).unwrap(), None);
    deaf.kill().unwrap();
    assert_eq!(deaf.wait(late()).unwrap(), Some(Exit::Killed));
    assert!(!is_anybody(&marker));
}

#[test]
fn a_guest_that_nobody_holds_any_more_ends() {
    play("dropped", &ALL);
}

fn dropped(level: Level) {
    let marker = marker();
    let Some(running) = start_staying(level, &marker) else {
        return;
    };
    drop(running);
    until(|| !is_anybody(&marker));
}

#[test]
fn a_guest_outlives_the_thread_that_has_launched_it() {
    play("thread", &ALL);
}

fn thread(level: Level) {
    let marker = marker();
    let launch = std::thread::spawn({
        let marker = marker.clone();
        move || start_staying(level, &marker)
    });
    let Some(mut running) = launch.join().unwrap() else {
        return;
    };
    assert_eq!(running.wait(soon()).unwrap(), None);
    assert!(is_anybody(&marker));
}

#[test]
fn nothing_outlives_a_killed_host_without_a_sandbox() {
    kill_hosts(Level::None);
}

#[test]
fn nothing_outlives_a_killed_host_at_basic() {
    kill_hosts(Level::Basic);
}

#[test]
fn nothing_outlives_a_killed_host_at_strict() {
    kill_hosts(Level::Strict);
}

fn kill_hosts(level: Level) {
    for user in users() {
        let files = open_directory();
        let mut longest = Duration::ZERO;
        for round in 0..rounds() {
            let Some(elapsed) = kill_host(level, user, files.path(), round) else {
                // It has said why.
                return;
            };
            longest = longest.max(elapsed);
        }
        println!("at {level} as {user:?} all was gone within {longest:?}");
        assert_eq!(fs::read_dir(files.path()).unwrap().count(), 0);
    }
}

/// How long it takes until nothing is left of a host that is killed while it works.
fn kill_host(level: Level, user: User, files: &Path, round: u32) -> Option<Duration> {
    // Parents of programs have the arguments of their host.
    let own = marker();
    let mut host = command("works", level, user);
    let host = host.arg(&own).env("TMPDIR", files);
    let mut host = host.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let mut words = lines.filter_map(|line| {
        let line = line.unwrap();
        line.split_once("works with ")
            .map(|(_, word)| word.to_owned())
    });
    let marker = words.next();
    // At another moment each time.
    std::thread::sleep(Duration::from_micros(u64::from(round % 8) * 700));
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = Instant::now();
    let marker = marker?;
    until(|| !is_anybody(&marker) && !is_anybody(&own));
    assert!(killed.elapsed() < SOON, "{:?}", killed.elapsed());
    Some(killed.elapsed())
}

/// A fifth of those that `cargo xtask race` asks for: 200, if nothing else is said.
fn rounds() -> u32 {
    let Ok(rounds) = std::env::var("LINKSPAN_RACE_ROUNDS") else {
        return 10;
    };
    rounds.parse::<u32>().unwrap().div_ceil(5)
}

/// Launches guests of all kinds until it is killed.
fn works(level: Level) {
    let marker = marker();
    let deaf = format!("{marker},deaf");
    let mut running = Vec::new();
    for words in [&marker, &deaf] {
        let Some(guest) = start_staying(level, words) else {
            return;
        };
        running.push(guest);
    }
    let breeds = || start(guest(level, &format!("breeds {marker}"))).unwrap();
    running.push(breeds());
    println!("works with {marker}");
    loop {
        running.push(start_staying(level, &marker).unwrap());
        running.push(breeds());
        running.drain(..2);
    }
}

/// A guest that is there, with a grandchild.
fn start_staying(level: Level, words: &str) -> Option<Running> {
    let mut running = start(guest(level, &format!("stays {words}")))?;
    let output = running.take_output().unwrap();
    let mut lines = BufReader::new(File::from(output.stdout)).lines();
    until(|| lines.next().unwrap().unwrap().contains("ready"));
    let marker = words.split(',').next().unwrap();
    until(|| is_anybody(marker));
    Some(running)
}

/// A second, and more on a loaded machine.
const SOON: Duration = Duration::from_secs(5);
