//! Locks that are waited for and looked at, on every system.

use std::fs;
use std::path::Path;
use std::time::Instant;

use linkspan_os::{Directory, Lock, LockError, LockState, open_descriptors, thread_count};

use crate::child::{Part, append, late, run, soon, start, stay, until};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "holds-lock",
        run: |base| {
            let _lock = Lock::acquire(&open(base.as_ref()), NAME.as_ref()).unwrap();
            append(&Path::new(base).join("held"), "").unwrap();
            stay();
        },
    },
    Part {
        name: "waits-in-vain",
        run: wait_in_vain,
    },
    Part {
        name: "takes-freely",
        run: take_freely,
    },
    Part {
        name: "contends",
        run: |base| {
            let base = Path::new(base);
            let directory = open(base);
            for _ in 0..ROUNDS {
                let lock = Lock::acquire_before(&directory, NAME.as_ref(), late()).unwrap();
                // Who makes a file that is there already is not alone.
                let alone = fs::File::create_new(base.join("alone")).unwrap();
                append(&base.join("journal"), &std::process::id().to_string()).unwrap();
                drop(alone);
                fs::remove_file(base.join("alone")).unwrap();
                drop(lock);
            }
        },
    },
];

fn open(path: &Path) -> Directory {
    Directory::open_private(path).unwrap()
}

/// A directory for locks and what keeps it.
fn place() -> (tempfile::TempDir, Directory) {
    let base = tempfile::tempdir().unwrap();
    let directory = open(&base.path().join("private"));
    (base, directory)
}

#[test]
fn of_many_processes_one_at_a_time_has_it_and_all_in_turn() {
    let (_base, directory) = place();
    let mut children: Vec<_> = (0..PROCESSES)
        .map(|_| start("contends", directory.path()))
        .collect();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let journal = fs::read_to_string(directory.path().join("journal")).unwrap();
    assert_eq!(journal.lines().count(), PROCESSES * ROUNDS);
    for child in children {
        let id = child.id().to_string();
        assert_eq!(journal.lines().filter(|line| **line == id).count(), ROUNDS);
    }
    let name = directory.path().join(NAME);
    assert!(name.exists(), "the file stays");
    assert_eq!(
        Lock::state(&directory, NAME.as_ref()).unwrap(),
        LockState::Free
    );
}

#[test]
fn waiting_ends_at_the_deadline_and_leaves_no_more_than_one_thread() {
    let (_base, directory) = place();
    run("waits-in-vain", directory.path());
}

fn wait_in_vain(base: &str) {
    let (directory, name) = (open(base.as_ref()), Path::new(NAME));
    let own = Some(std::process::id());
    let lock = Lock::acquire(&directory, name).unwrap();
    let threads = thread_count();
    for _ in 0..5 {
        let deadline = soon();
        let error = Lock::acquire_before(&directory, name, deadline).unwrap_err();
        assert!(Instant::now() >= deadline);
        let is_held = matches!(error, LockError::Held { pid, .. } if pid == own);
        assert!(is_held, "{error}");
    }
    if let Some((before, now)) = threads.zip(thread_count()) {
        assert_eq!(now, before + 1);
    }
    drop(lock);
    let lock = Lock::acquire_before(&directory, name, late()).unwrap();
    let state = Lock::state(&directory, name).unwrap();
    assert_eq!(state, LockState::Held { pid: own });
    drop(lock);
    until(|| thread_count() == threads);
}

#[test]
fn a_lock_that_is_free_costs_neither_thread_nor_descriptor() {
    let (_base, directory) = place();
    run("takes-freely", directory.path());
}

fn take_freely(base: &str) {
    let (directory, name) = (open(base.as_ref()), Path::new(NAME));
    let before = (thread_count(), open_descriptors());
    for _ in 0..100 {
        drop(Lock::acquire_before(&directory, name, late()).unwrap());
        let state = Lock::state(&directory, name).unwrap();
        assert_eq!(state, LockState::Free);
    }
    assert_eq!((thread_count(), open_descriptors()), before);
}

#[test]
fn a_killed_holder_holds_nothing_and_the_next_waits_no_longer() {
    let (_base, directory) = place();
    let name = Path::new(NAME);
    assert_eq!(Lock::state(&directory, name).unwrap(), LockState::Free);
    assert!(
        !directory.path().join(NAME).exists(),
        "looking makes no file"
    );
    let mut child = start("holds-lock", directory.path());
    until(|| directory.path().join("held").exists());
    let holder = LockState::Held {
        pid: Some(child.id()),
    };
    assert_eq!(Lock::state(&directory, name).unwrap(), holder);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Lock::acquire_before(&directory, name, late()));
        assert_eq!(Lock::state(&directory, name).unwrap(), holder);
        child.kill().unwrap();
        let lock = waiting.join().unwrap().unwrap();
        drop(lock);
    });
    child.wait().unwrap();
    assert_eq!(Lock::state(&directory, name).unwrap(), LockState::Free);
}

#[test]
fn looking_never_keeps_anybody_from_taking_it() {
    let (_base, directory) = place();
    let name = Path::new(NAME);
    drop(Lock::acquire(&directory, name).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                Lock::state(&directory, name).unwrap();
            }
        });
        for _ in 0..300 {
            drop(Lock::acquire(&directory, name).unwrap());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

const NAME: &str = "x.lock";
const PROCESSES: usize = 20;
const ROUNDS: usize = 10;
