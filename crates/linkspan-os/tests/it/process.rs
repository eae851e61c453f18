//! Processes that are told from others with their number, on every system.

use std::process::Child;
#[cfg(target_os = "linux")]
use std::process::Command;

use linkspan_os::{Process, SignalError};

use crate::child::{self, late, soon};

fn start() -> (Child, Process) {
    let child = child::start("lasts", "");
    let process = Process::find(child.id()).unwrap().unwrap();
    (child, process)
}

/// Another process that has, or had, the number.
fn other(process: Process) -> Process {
    let start_time = process.start_time().unwrap() - 1;
    Process::from_parts(process.pid(), Some(start_time), process.boot_id())
}

#[test]
fn this_process_finds_itself() {
    let own = Process::own();
    assert_eq!(own.pid(), std::process::id());
    assert!(own.start_time().is_some());
    assert_eq!(Process::find(own.pid()).unwrap(), Some(own));
    assert!(own.is_alive().unwrap());
    assert!(!own.wait_end(soon()).unwrap());
    assert_eq!(own.boot_id().is_some(), cfg!(target_os = "linux"));
}

#[test]
fn it_survives_being_written_down() {
    let (mut child, process) = start();
    let (pid, start_time, boot_id) = (process.pid(), process.start_time(), process.boot_id());
    let read = Process::from_parts(pid, start_time, boot_id);
    assert_eq!(read, process);
    read.kill().unwrap();
    assert!(read.wait_end(late()).unwrap());
    child.wait().unwrap();
}

#[test]
fn an_innocent_process_with_the_number_is_never_signalled() {
    let (mut child, process) = start();
    let meant = other(process);
    assert!(!meant.is_alive().unwrap());
    assert!(
        meant.wait_end(late()).unwrap(),
        "the one that was meant has ended"
    );
    for refused in [meant.terminate(), meant.kill()] {
        let error = refused.unwrap_err();
        assert!(matches!(error, SignalError::Recycled { .. }), "{error}");
    }
    assert!(!process.wait_end(soon()).unwrap(), "it was left alone");
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_a_start_time_nobody_is_signalled() {
    let (mut child, process) = start();
    let unsure = Process::from_parts(process.pid(), None, process.boot_id());
    assert!(unsure.is_alive().unwrap());
    let error = unsure.kill().unwrap_err();
    assert!(matches!(error, SignalError::Unidentified { .. }), "{error}");
    assert!(!process.wait_end(soon()).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_has_ended_is_not_there_whether_it_was_waited_for_or_not() {
    let (mut child, process) = start();
    process.terminate().unwrap();
    assert!(process.wait_end(late()).unwrap());
    for _ in 0..2 {
        assert!(!process.is_alive().unwrap());
        assert!(process.wait_end(soon()).unwrap());
        let error = process.kill().unwrap_err();
        assert!(matches!(error, SignalError::Ended { .. }), "{error}");
        child.wait().unwrap();
    }
    assert_ne!(Process::find(process.pid()).unwrap(), Some(process));
}

#[test]
fn numbers_that_no_process_can_have_are_nobodys() {
    for pid in [0, u32::MAX, u32::MAX - 1, 1 << 31] {
        assert_eq!(Process::find(pid).unwrap(), None, "{pid}");
        let error = Process::from_parts(pid, Some(1), None).kill().unwrap_err();
        assert!(matches!(error, SignalError::Ended { .. }), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_of_an_earlier_boot_is_gone() {
    let own = Process::own();
    let boot_id = own.boot_id().map(|id| id ^ 1);
    let earlier = Process::from_parts(own.pid(), own.start_time(), boot_id);
    assert!(!earlier.is_alive().unwrap());
    let error = earlier.kill().unwrap_err();
    assert!(matches!(error, SignalError::Ended { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_is_waited_for_without_looking_again_and_again() {
    let mut child = Command::new("sleep").arg("0.2").spawn().unwrap();
    let process = Process::find(child.id()).unwrap().unwrap();
    let before = linkspan_os::thread_cpu_time();
    assert!(process.wait_end(late()).unwrap());
    let used = linkspan_os::thread_cpu_time() - before;
    assert!(used < std::time::Duration::from_millis(5), "{used:?}");
    child.wait().unwrap();
}
