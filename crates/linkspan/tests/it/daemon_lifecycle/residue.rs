//! What commands leave behind in a daemon, and daemons in each other: nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linkspan::daemon::DaemonClient;

use super::bed::{Bed, find, note, pid, read, scaled, shown, wait_until};
use super::library::{call, client};

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_commands_leave_nothing_behind() {
    let bed = Bed::new();
    let daemon = bed.pid();
    // What is made once and kept.
    run(&client(&bed), 500).await;
    lose_some(&bed);
    let before = settled(&bed, daemon, None);
    run(&client(&bed), scaled(1000, 10_000)).await;
    lose_some(&bed);
    let after = settled(&bed, daemon, Some(&before));
    note(&format!("before {before:?}, after {after:?}"));
    assert!(
        after.memory_kib < before.memory_kib + 1024,
        "{before:?}, {after:?}"
    );
    let cwd = fs::read_link(format!("/proc/{daemon}/cwd")).unwrap();
    assert_eq!(cwd, Path::new("/"));
    assert_eq!(bed.pid(), daemon);
}

/// Runs commands of all sorts, some at once.
async fn run(client: &DaemonClient, commands: usize) {
    let mut left = commands;
    while left > 0 {
        let batch = left.min(10);
        left -= batch;
        let tasks = (0..batch).map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let (words, code) = match number % 4 {
                    0 => (&["cat"][..], 0),
                    1 => (&["fail"][..], 1),
                    2 => (&["exit", "3"][..], 3),
                    _ => (&["blast", "100000"][..], 0),
                };
                let output = client
                    .capture(&call(words), vec![b'z'; 5000])
                    .await
                    .unwrap();
                assert_eq!(output.finished.code(), Some(code));
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }
}

/// Kills clients while their commands run.
fn lose_some(bed: &Bed) {
    let mut clients: Vec<_> = (0..8).map(|_| bed.start(["sleep", "60"])).collect();
    bed.wait_running(clients.len());
    for client in &mut clients {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    bed.wait_running(0);
}

#[derive(Debug)]
struct Figures {
    descriptors: usize,
    threads: usize,
    memory_kib: u64,
}

/// What the daemon has when all connections are gone; not more than before.
fn settled(bed: &Bed, pid: u32, before: Option<&Figures>) -> Figures {
    wait_until("connections are gone", || {
        let status = bed.run(["--daemon", "status"]);
        super::bed::text(&status.stdout).contains(" 1 connections")
    });
    let mut figures = look(pid);
    wait_until("descriptors and threads are as before", || {
        figures = look(pid);
        before.is_none_or(|before| {
            figures.descriptors <= before.descriptors && figures.threads <= before.threads
        })
    });
    figures
}

fn look(pid: u32) -> Figures {
    let count = |name: &str| fs::read_dir(format!("/proc/{pid}/{name}")).unwrap().count();
    let status = read(format!("/proc/{pid}/status").as_ref());
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.and_then(|line| line.split_whitespace().next());
    Figures {
        descriptors: count("fd"),
        threads: count("task"),
        memory_kib: memory.unwrap().parse().unwrap(),
    }
}

#[test]
fn daemons_of_different_ids_share_nothing() {
    let bed = Bed::new();
    let of = |id: &str, words: &[&str]| bed.run([&["--id", id], words].concat());
    let (one, other) = (pid(&of("one", &["pid"])), pid(&of("other", &["pid"])));
    assert_ne!(one, other);
    let daemons = bed.runtime.path().join("linkspan/daemons");
    let places: Vec<_> = entries(&daemons);
    assert_eq!(places.len(), 2, "{places:?}");
    let files: Vec<_> = places.iter().map(|place| entries(place)).collect();
    let inodes: Vec<_> = files.iter().flatten().map(|file| inode(file)).collect();
    let distinct: BTreeSet<_> = inodes.iter().collect();
    assert_eq!(distinct.len(), inodes.len(), "{files:?}");
    let held = [one, other].map(|pid| open_under(pid, bed.runtime.path()));
    assert!(held.iter().all(|held| !held.is_empty()), "{held:?}");
    assert!(
        held.first().unwrap().is_disjoint(held.last().unwrap()),
        "{held:?}"
    );

    let stopped = of("one", &["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    assert!(find(other).is_alive().unwrap());
    assert_eq!(pid(&of("other", &["pid"])), other);
    let stopped = of("other", &["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn inode(file: &Path) -> u64 {
    fs::symlink_metadata(file).unwrap().ino()
}

/// Files below a directory that a process has open.
fn open_under(pid: u32, directory: &Path) -> BTreeSet<PathBuf> {
    let descriptors = entries(format!("/proc/{pid}/fd").as_ref());
    let files = descriptors
        .iter()
        .filter_map(|entry| fs::read_link(entry).ok());
    files.filter(|file| file.starts_with(directory)).collect()
}
