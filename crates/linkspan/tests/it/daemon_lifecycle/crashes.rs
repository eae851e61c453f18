//! Daemons that are killed at moments that nobody chose.

use std::io::Write;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use super::bed::{Bed, find, pid, scaled, shown, text};

#[test]
fn whenever_a_daemon_is_killed_the_next_command_works_and_says_so_once() {
    let bed = Bed::new();
    let mut last = bed.pid();
    for moment in 0..scaled(20, 200) {
        let victim = killed_in(&bed, last, moment);
        let next = bed.run(["pid", "-v"]);
        assert_ne!(pid(&next), last, "{moment}");
        last = pid(&next);
        // By the victim, if it was not accepted before and so began anew.
        let said = [victim, next].map(|output| text(&output.stderr)).concat();
        let recovered = said.matches("the daemon was started: after a crash, ");
        assert_eq!(recovered.count(), 1, "moment {moment}: {said}");
        assert_eq!(text(&bed.run(["pid"]).stderr), "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_is_killed_while_it_starts_keeps_nobody_from_the_next() {
    let bed = Bed::new();
    let id = format!("start-{}", std::process::id());
    let with_id = |words: &[&str]| bed.start([&["--id", id.as_str()], words].concat());
    for moment in 0..scaled(20, 200) {
        let victim = with_id(&["pid"]);
        let mut started = None;
        super::bed::wait_until("the daemon starts", || {
            started = starting(&id);
            started.is_some()
        });
        thread::sleep(chosen(0) / 2);
        let daemon = started.unwrap();
        daemon.kill().ok();
        let victim = victim.wait_with_output().unwrap();
        let is_told = victim.status.code() == Some(125)
            && text(&victim.stderr).starts_with("daemon: daemon: the daemon ");
        assert!(is_told || victim.status.success(), "{}", shown(&victim));

        let next = with_id(&["pid", "-v"]).wait_with_output().unwrap();
        assert_ne!(pid(&next), daemon.pid(), "moment {moment}");
        assert!(text(&next.stderr).lines().count() <= 1, "{}", shown(&next));
        let next = find(pid(&next));
        next.kill().unwrap();
        super::bed::wait_end(next);
    }
}

/// The process that is about to be the daemon with this id, or is it.
#[cfg(target_os = "linux")]
fn starting(id: &str) -> Option<os::Process> {
    let wanted = format!("\0--daemon-id\0{id}\0");
    let mut entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.find_map(|entry| {
        let words = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let pid = entry.file_name().to_str()?.parse().ok()?;
        words
            .contains(&wanted)
            .then(|| os::Process::find(pid).ok().flatten())?
    })
}

/// A command under which the daemon is killed: while it is sent, read, run, or answered.
fn killed_in(bed: &Bed, daemon: u32, moment: usize) -> Output {
    let daemon = find(daemon);
    let kinds = [
        &["pid", "-v"][..],
        &["cat", "-v"],
        &["blast", "3000000", "-v"],
        &["sleep", "0.02", "-v"],
    ];
    let words = kinds.get(moment % kinds.len()).unwrap();
    let mut client = bed.command(*words).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = client.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&[b'y'; 1_000_000]).ok());
    let killer = thread::spawn(move || {
        thread::sleep(chosen(moment));
        daemon.kill().unwrap();
    });
    let output = client.wait_with_output().unwrap();
    killer.join().unwrap();
    writer.join().unwrap();
    let is_lost = output.status.code() == Some(125)
        && text(&output.stderr).contains("daemon: daemon: the daemon was lost while");
    assert!(
        is_lost || output.status.success(),
        "moment {moment}: {}",
        shown(&output)
    );
    output
}

/// A time in which a command comes about as far as any.
fn chosen(moment: usize) -> Duration {
    let random = os::random_bytes().unwrap();
    let most = if moment.is_multiple_of(2) {
        4_000
    } else {
        30_000
    };
    Duration::from_micros(u64::from_le_bytes(random) % most)
}
