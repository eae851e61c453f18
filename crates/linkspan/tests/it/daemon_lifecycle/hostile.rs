//! Files that lie, and places that are not the user's own: nobody is harmed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command};

use super::bed::{Bed, find, read, shown, signal, text, wait_end};

#[test]
fn a_file_that_names_an_innocent_process_harms_nobody() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    let innocent = Innocent::new();
    // The lock may still be held for a moment, which must make no difference.
    daemon.kill().unwrap();
    innocent.is_named_in(&bed);
    bed.run(["--daemon", "stop"]);
    assert_ne!(bed.pid(), innocent.0.id());
    find(bed.pid()).kill().unwrap();
    fs::write(bed.place().join("daemon.json"), innocent.0.id().to_string()).unwrap();
    bed.run(["--daemon", "stop"]);
    innocent.lives();
}

#[test]
fn a_daemon_that_hangs_is_ended_and_not_who_is_named_in_its_place() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    signal("STOP", &daemon.pid().to_string());
    let silent = bed.run(["pid"]);
    assert_eq!(silent.status.code(), Some(125));
    let said = text(&silent.stderr);
    assert_eq!(
        said,
        "daemon: daemon: the daemon did not answer within 2000 ms\n"
    );

    let innocent = Innocent::new();
    innocent.is_named_in(&bed);
    let stopped = bed.run(["--daemon", "stop"]);
    let ended = format!("did not answer, process {} was ended", daemon.pid());
    assert!(
        text(&stopped.stdout).contains(&ended),
        "{}",
        shown(&stopped)
    );
    wait_end(daemon);
    innocent.lives();
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_hangs_without_its_socket_is_known_by_its_lock() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    signal("STOP", &daemon.pid().to_string());
    fs::remove_file(bed.place().join("socket")).unwrap();
    let file = bed.place().join("daemon.json");
    let truth = read(&file);
    let innocent = Innocent::new();
    innocent.is_named_in(&bed);
    let refused = bed.run(["--daemon", "stop"]);
    assert_eq!(refused.status.code(), Some(125), "{}", shown(&refused));
    assert!(
        text(&refused.stderr).contains("cannot be told"),
        "{}",
        shown(&refused)
    );
    assert!(daemon.is_alive().unwrap());
    innocent.lives();

    fs::write(&file, truth).unwrap();
    let stopped = bed.run(["--daemon", "stop"]);
    assert!(
        text(&stopped.stdout).contains("was ended"),
        "{}",
        shown(&stopped)
    );
    wait_end(daemon);
}

#[cfg(target_os = "linux")]
#[test]
fn a_number_that_was_given_away_again_is_known_by_the_start_of_its_process() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    let innocent = Innocent::new();
    // Nobody is the daemon, and its number is another's.
    daemon.kill().unwrap();
    wait_end(daemon);
    set(&bed, "pid", innocent.0.id().into());
    let stopped = bed.run(["--daemon", "stop"]);
    assert!(
        text(&stopped.stdout).starts_with("no daemon runs"),
        "{}",
        shown(&stopped)
    );
    innocent.lives();

    // It hangs, and the number that it wrote down is that of a process before it.
    let daemon = find(bed.pid());
    signal("STOP", &daemon.pid().to_string());
    fs::remove_file(bed.place().join("socket")).unwrap();
    set(&bed, "start_time", daemon.start_time().unwrap() - 1);
    let refused = bed.run(["--daemon", "stop"]);
    assert!(
        text(&refused.stderr).contains("cannot be ended"),
        "{}",
        shown(&refused)
    );
    assert!(daemon.is_alive().unwrap());
    daemon.kill().unwrap();
    innocent.lives();
}

/// Has the daemon's file say something else about it.
#[cfg(target_os = "linux")]
fn set(bed: &Bed, key: &str, value: u64) {
    let file = bed.place().join("daemon.json");
    let mut all: serde_json::Value = serde_json::from_str(&read(&file)).unwrap();
    *all.get_mut(key).unwrap() = value.into();
    fs::write(&file, all.to_string()).unwrap();
}

/// A process that has nothing to do with daemons.
struct Innocent(Child);

impl Innocent {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().unwrap())
    }

    /// Has the daemon's files name it, start time and all.
    fn is_named_in(&self, bed: &Bed) {
        let process = find(self.0.id());
        let file = bed.place().join("daemon.json");
        let text = read(&file);
        let lines = text
            .lines()
            .map(|line| match line.trim().split(':').next() {
                Some("\"pid\"") => format!("\"pid\": {},", process.pid()),
                Some("\"start_time\"") => {
                    format!("\"start_time\": {},", process.start_time().unwrap())
                }
                _ => line.to_owned(),
            });
        fs::write(&file, lines.collect::<String>()).unwrap();
        fs::write(bed.place().join("life.lock"), process.pid().to_string()).unwrap();
    }

    #[track_caller]
    fn lives(&self) {
        assert!(find(self.0.id()).is_alive().unwrap());
    }
}

impl Drop for Innocent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn links_in_the_place_of_files_are_not_followed() {
    for (name, is_written) in [
        ("log", true),
        ("life.lock", true),
        ("spawn.lock", true),
        ("daemon.json", false),
    ] {
        let bed = Bed::new();
        find(bed.pid()).kill().unwrap();
        let victim = bed.runtime.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let file = bed.place().join(name);
        fs::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        let output = bed.run(["pid"]);
        if is_written {
            assert_eq!(
                output.status.code(),
                Some(125),
                "{name}: {}",
                shown(&output)
            );
            assert!(
                text(&output.stderr).contains(name),
                "{name}: {}",
                shown(&output)
            );
        }
        assert_eq!(read(&victim), "precious", "{name}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn directories_that_are_not_private_are_refused() {
    let bed = Bed::new();
    let daemons = bed.runtime.path().join("linkspan/daemons");
    fs::create_dir_all(&daemons).unwrap();
    fs::set_permissions(&daemons, fs::Permissions::from_mode(0o755)).unwrap();
    let output = bed.run(["pid"]);
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    assert!(
        text(&output.stderr).contains("with mode 0755 is open to others"),
        "{}",
        shown(&output)
    );

    if os::effective_uid() == 0 {
        fs::set_permissions(&daemons, fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&daemons, Some(12_345), None).unwrap();
        let output = bed.run(["pid"]);
        assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
        assert!(
            text(&output.stderr).contains("belongs to uid 12345"),
            "{}",
            shown(&output)
        );
        std::os::unix::fs::chown(&daemons, Some(0), None).unwrap();
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let bed = Bed::new();
    // Nobody, root included, makes directories there.
    let output = bed
        .command(["pid"])
        .env("XDG_RUNTIME_DIR", "/proc")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    assert!(
        text(&output.stderr).contains("cannot make directory"),
        "{}",
        shown(&output)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_beyond_the_limit_of_sockets_works() {
    let bed = Bed::new();
    let long = bed.runtime.path().join("x".repeat(150));
    fs::create_dir(&long).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = bed.command(arguments);
        command.env("XDG_RUNTIME_DIR", &long).output().unwrap()
    };
    let first = super::bed::pid(&run(&["pid"]));
    assert_eq!(super::bed::pid(&run(&["pid"])), first);
    let stopped = run(&["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
}

#[test]
fn a_daemon_whose_directory_is_gone_ends() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    fs::remove_dir_all(bed.place()).unwrap();
    wait_end(daemon);
    assert_ne!(bed.pid(), daemon.pid());
}

#[test]
fn left_overs_of_a_daemon_do_not_matter() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    daemon.kill().unwrap();
    wait_end(daemon);
    for name in ["daemon.json", "failure.json", "log.1"] {
        fs::write(bed.place().join(name), b"\xff{ not json").unwrap();
    }
    fs::write(bed.place().join("drain.1.lock"), "1").unwrap();
    assert!(Path::new(&bed.place().join("socket")).exists());
    assert_ne!(bed.pid(), daemon.pid());
    let status = text(&bed.run(["--daemon", "status"]).stdout);
    assert!(!status.contains("process 1 "), "{status}");
}
