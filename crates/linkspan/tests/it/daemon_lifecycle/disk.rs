//! Disks that are full or cannot be written.

use std::fs;
use std::process::Output;

use super::bed::{pid, shown, text};
use super::namespace::Disk;

#[test]
fn on_a_full_disk_a_start_fails_with_the_reason_and_then_works() {
    let Some(disk) = Disk::mount("size=64k") else {
        return;
    };
    disk.fill();
    for _ in 0..2 {
        assert_told(&disk.run(["pid"]), "No space left on device");
    }
    fs::remove_file(disk.path("filling")).unwrap();
    pid(&disk.run(["pid"]));
}

#[test]
fn without_room_for_files_a_start_fails_with_the_reason_and_then_works() {
    // The more there is room for, the later the file that is missing: lock, log, socket, metadata.
    for inodes in 2..10 {
        let Some(disk) = Disk::mount(&format!("size=64k,nr_inodes={inodes}")) else {
            return;
        };
        let output = disk.run(["pid"]);
        if !output.status.success() {
            assert_told(&output, "No space left on device");
        }
        disk.remount("nr_inodes=100");
        pid(&disk.run(["pid"]));
    }
}

#[test]
fn a_daemon_does_not_mind_that_the_disk_has_become_full() {
    let Some(disk) = Disk::mount("size=64k") else {
        return;
    };
    let daemon = pid(&disk.run(["pid"]));
    disk.fill();
    assert_eq!(pid(&disk.run(["pid"])), daemon);
    let output = disk.run(["fail"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    let stopped = disk.run(["--daemon", "stop"]);
    assert!(
        text(&stopped.stdout).contains("has ended"),
        "{}",
        shown(&stopped)
    );
    assert_told(&disk.run(["pid"]), "No space left on device");
    fs::remove_file(disk.path("filling")).unwrap();
    let next = disk.run(["pid", "-v"]);
    assert_ne!(pid(&next), daemon);
    // It ended in order, and could not write that down.
    assert!(!text(&next.stderr).contains("crash"), "{}", shown(&next));
}

#[test]
fn a_directory_that_cannot_be_written_is_told_and_keeps_nobody_from_a_daemon() {
    let Some(disk) = Disk::mount("size=1m") else {
        return;
    };
    assert_told(&disk.run_read_only(&["pid"]), "Read-only file system");
    let daemon = pid(&disk.run(["pid"]));
    assert_eq!(pid(&disk.run_read_only(&["pid"])), daemon);
    let stopped = disk.run_read_only(&["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    assert_told(&disk.run_read_only(&["pid"]), "Read-only file system");
    let doctor = disk.run_read_only(&["--daemon", "doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", shown(&doctor));
    assert!(
        text(&doctor.stdout).contains("Read-only file system"),
        "{}",
        shown(&doctor)
    );
    assert_ne!(pid(&disk.run(["pid"])), daemon);
}

/// The client says in the framework's name what the system has said.
#[track_caller]
fn assert_told(output: &Output, reason: &str) {
    assert_eq!(output.status.code(), Some(125), "{}", shown(output));
    let said = text(&output.stderr);
    assert!(said.starts_with("daemon: daemon: "), "{said}");
    assert!(said.contains(reason), "{said}");
}
