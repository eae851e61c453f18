//! Changes to files are told.

use std::fs::{self, File};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use linkspan_os::{Changes, FileId};

#[test]
fn what_happened_before_waiting_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = File::create(directory.path().join("log")).unwrap();
    let mut changes = Changes::of(directory.path()).unwrap();
    file.write_all(b"line").unwrap();
    let begun = Instant::now();
    changes.wait(LONG).unwrap();
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn a_file_that_is_made_later_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut changes = Changes::of(directory.path()).unwrap();
    let path = directory.path().join("log");
    let begun = Instant::now();
    let writing = thread::spawn({
        let path = path.clone();
        move || fs::write(path, "line").unwrap()
    });
    while !path.exists() {
        changes.wait(LONG).unwrap();
        assert!(begun.elapsed() < LONG / 2);
    }
    writing.join().unwrap();
}

#[test]
fn waiting_ends_with_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let mut changes = Changes::of(directory.path()).unwrap();
    changes.wait(Duration::from_millis(1)).unwrap();
    assert!(Changes::of(&directory.path().join("missing")).is_err());
}

#[test]
fn a_file_is_the_same_wherever_it_is_moved() {
    #[cfg(windows)]
    if crate::windows::is_gap("a file has not the same id by each of its handles") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("log"), directory.path().join("log.1"));
    let file = File::create(&path).unwrap();
    fs::rename(&path, &other).unwrap();
    let id = FileId::of(&file).unwrap();
    assert_eq!(FileId::of(&File::open(&other).unwrap()).unwrap(), id);
    let new = File::create(&path).unwrap();
    assert_ne!(FileId::of(&new).unwrap(), id);
}

const LONG: Duration = Duration::from_secs(20);
