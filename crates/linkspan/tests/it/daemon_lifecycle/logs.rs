//! Logs that are turned over while they are written and read.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use linkspan_test::wait::until;
use linkspan_test::wine::is_gap;

use super::bed::{Bed, shown, text};

/// So a daemon does not find out that it writes to the log that was turned over.
const NO_FILE_IDS: &str = "a file has not the same id by each of its handles";

/// The numbers of the lines that the example's `log` has written, in their order.
fn numbers(log: &str) -> Vec<u64> {
    let number = |line: &str| line.strip_prefix("line ")?.split(' ').next()?.parse().ok();
    log.lines().filter_map(number).collect()
}

/// Where the numbers up to `end` do not follow each other.
fn breaks(numbers: &[u64], end: u64) -> Vec<(u64, u64)> {
    let before = std::iter::once(None).chain(numbers.iter().map(|number| Some(*number)));
    let after = numbers.iter().copied().chain([end]);
    let pairs = before.zip(after);
    pairs
        .filter(|(before, after)| before.map_or(0, |before| before + 1) != *after)
        .map(|(before, after)| (before.unwrap_or_default(), after))
        .collect()
}

/// Has the daemon write to its log until it was turned over twice; gives how many lines those are.
async fn fill(bed: &Bed) -> u64 {
    let mut command = bed.command(["log"]);
    let mut writer = command.stdin(Stdio::piped()).spawn().unwrap();
    let twice = || second(bed).is_some_and(|file| file.exists());
    until("the log is turned over twice", twice).await;
    drop(writer.stdin.take());
    let output = writer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    text(&output.stdout).trim().parse().unwrap()
}

/// The second older log; nothing before the daemon has a directory.
fn second(bed: &Bed) -> Option<PathBuf> {
    let daemons = bed.runtime.path().join("linkspan/daemons");
    let place = fs::read_dir(daemons).ok()?.next()?.ok()?;
    Some(place.path().join("log.2"))
}

#[tokio::test]
async fn no_line_is_lost_when_the_log_is_turned_over() {
    if is_gap(NO_FILE_IDS) {
        return;
    }
    let bed = Bed::new();
    let lines = fill(&bed).await;
    let files = ["log.3", "log.2", "log.1", "log"].map(|name| bed.place().join(name));
    let logs: Vec<_> = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect();
    assert!(logs.len() > 2, "{} files", logs.len());
    // Both streams are written by one thread, so their order is that of the numbers.
    assert_eq!(breaks(&numbers(&logs.concat()), lines), []);
}

/// Kills what follows a log, which does not end by itself.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn who_follows_a_log_gets_each_line_once() {
    if is_gap(NO_FILE_IDS) {
        return;
    }
    let bed = Bed::new();
    bed.pid();
    let mut follower = Follower(bed.start(["--daemon", "logs", "--follow"]));
    let mut printed = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let first = printed.next().unwrap().unwrap();
    assert!(first.contains("started: first start"), "{first}");
    let reading = tokio::task::spawn_blocking(move || {
        let printed = printed.map_while(Result::ok);
        printed
            .take_while(|line| !line.contains("ends: Stop"))
            .collect::<Vec<_>>()
    });
    let lines = fill(&bed).await;
    let stopped = bed.run(["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    let printed = reading.await.unwrap().join("\n");
    assert_eq!(breaks(&numbers(&printed), lines), []);
}
