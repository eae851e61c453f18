//! `linkspan daemon`, with daemons of a program that starts its own.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Lines, Place, Ran, finish, until};

/// A place whose daemons end with it.
struct Bed(Place);

impl Bed {
    fn new() -> Self {
        Self(Place::new())
    }

    /// Starts a command of the program, with the daemon `id`.
    fn start(&self, id: &str, arguments: &[&str]) -> Child {
        let own = std::env::current_exe().unwrap();
        let examples = own.ancestors().nth(2).unwrap().join("examples");
        let like = self.0.command([""; 0]);
        let mut command = Command::new(examples.join("trial-daemon"));
        let variables = like
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command.env_clear().envs(variables);
        command.args(["--id", id]).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Has the daemon `id` do something; gives its process.
    fn daemon(&self, id: &str) -> u32 {
        finish(self.start(id, &["pid"]))
            .ok()
            .trim()
            .parse()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.0.run(["daemon"].iter().chain(arguments))
    }

    /// Each process that is listed, as its id, number and state.
    fn listed(&self, more: &[&str]) -> Vec<(String, u64, String)> {
        let list = self.run(&[&["list", "--json"], more].concat()).json();
        let row = |row: &Value| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("id"), row["pid"].as_u64().unwrap(), text("state"))
        };
        list.as_array().unwrap().iter().map(row).collect()
    }

    /// The directory of a daemon.
    fn directory(&self, id: &str) -> PathBuf {
        let list = self.run(&["list", "--json", "--all"]).json();
        let mut rows = list.as_array().unwrap().iter();
        let row = rows.find(|row| row["id"] == id).unwrap();
        row["directory"].as_str().unwrap().into()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.0
            .command([
                "daemon",
                "stop",
                "--all",
                "--force",
                "--drain-timeout",
                "0s",
            ])
            .output()
            .ok();
    }
}

fn row(id: &str, pid: u32, state: &str) -> (String, u64, String) {
    (id.to_owned(), pid.into(), state.to_owned())
}

#[test]
fn daemons_are_listed_looked_at_and_stopped() {
    let bed = Bed::new();
    let (make, spell) = (bed.daemon("make:/x"), bed.daemon("spell"));
    let both = [
        row("make:/x", make, "accepting"),
        row("spell", spell, "accepting"),
    ];
    assert_eq!(bed.listed(&[]), both);
    let table = bed.run(&["list"]).ok();
    assert!(
        table.contains("SERVED") && table.contains(&make.to_string()),
        "{table}"
    );

    let complaint = bed.run(&["status"]).fails(2);
    assert!(
        complaint.contains("name one of make:/x, spell"),
        "{complaint}"
    );
    let status = bed.run(&["status", "spell", "--json"]).json();
    assert_eq!(status["identity"]["pid"], spell);
    assert_eq!(status["status"]["commands_total"], 1);
    let text = bed.run(&["status", "spell"]).ok();
    assert!(
        text.contains("takes commands") && text.contains("trial-daemon"),
        "{text}"
    );

    let stopped = bed.run(&["stop", "spell", "--json"]).json();
    assert_eq!(
        stopped,
        json!({ "id": "spell", "pid": spell, "stopped": true, "forced": false })
    );
    let both = [
        row("make:/x", make, "accepting"),
        row("spell", spell, "gone"),
    ];
    assert_eq!(bed.listed(&[]), both[..1]);
    assert_eq!(bed.listed(&["--all"]), both);
    let complaint = bed.run(&["status", "spell"]).fails(4);
    assert!(complaint.contains("does not run"), "{complaint}");
    let notice = bed.run(&["stop", "spell"]);
    assert!(notice.stderr.contains("does not run"), "{notice:?}");
    notice.ok();

    let said = bed.run(&["stop", "--all"]).ok();
    assert_eq!(said, format!("daemon make:/x has ended, process {make}\n"));
    assert_eq!(bed.listed(&[]), []);
}

#[test]
fn without_daemons_nothing_is_made() {
    let bed = Bed::new();
    assert_eq!(bed.run(&["list", "--json"]).json(), json!([]));
    for verb in ["status", "stop", "logs"] {
        let complaint = bed.run(&[verb]).fails(4);
        assert!(complaint.contains("no daemon runs"), "{complaint}");
    }
    let complaint = bed.run(&["status", "spell"]).fails(4);
    assert!(
        complaint.contains("there is no daemon \"spell\""),
        "{complaint}"
    );
    assert!(!bed.0.path("linkspan").exists());
}

#[test]
fn one_that_finishes_its_commands_is_listed_until_it_ends() {
    let bed = Bed::new();
    let pid = bed.daemon("spell");
    let mut sleeper = bed.start("spell", &["sleep", "600"]);
    let running = || bed.run(&["status", "spell", "--json"]).json()["status"]["commands"] == 1;
    until("the command runs", running);
    let mut stop = bed
        .0
        .command(["daemon", "stop", "spell", "--drain-timeout", "10m"]);
    let stop = stop
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it drains", || {
        bed.listed(&[]) == [row("spell", pid, "draining")]
    });
    // Its successor is another process, and both are there.
    let next = bed.daemon("spell");
    let both = [
        row("spell", next, "accepting"),
        row("spell", pid, "draining"),
    ];
    assert_eq!(bed.listed(&[]), both);
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert_eq!(
        finish(stop).ok(),
        format!("daemon spell has ended, process {pid}\n")
    );
    assert_eq!(bed.listed(&[]), both[..1]);
}

#[test]
fn one_that_finishes_its_commands_is_ended_if_it_is_meant() {
    let bed = Bed::new();
    let pid = bed.daemon("spell");
    let sleeper = bed.start("spell", &["sleep", "600"]);
    let running = || bed.run(&["status", "spell", "--json"]).json()["status"]["commands"] == 1;
    until("the command runs", running);
    // Its place is its successor's now.
    finish(bed.start("spell", &["--daemon", "restart"])).ok();
    let next = bed.daemon("spell");
    let both = [
        row("spell", next, "accepting"),
        row("spell", pid, "draining"),
    ];
    assert_eq!(bed.listed(&[]), both);

    let mut stop = bed
        .0
        .command(["daemon", "stop", "--draining", "--drain-timeout", "0s"]);
    let stop = stop.stdout(Stdio::piped()).stderr(Stdio::piped());
    let said = finish(stop.spawn().unwrap()).ok();
    let ended = |pid| format!("daemon spell has ended, process {pid}\n");
    assert_eq!(said, ended(pid) + &ended(next));
    assert_eq!(bed.listed(&[]), []);
    // Its handler was told and ended in order, so its client knows.
    let complaint = finish(sleeper).fails(125);
    assert!(
        complaint.contains("was cancelled by the daemon"),
        "{complaint}"
    );
}

#[test]
fn one_that_hangs_is_ended_only_by_force() {
    let bed = Bed::new();
    let pid = bed.daemon("spell");
    kill_process(
        Pid::from_raw(pid.try_into().unwrap()).unwrap(),
        Signal::STOP,
    )
    .unwrap();
    // Under load threads go on for a while after the signal.
    let is_halted = || {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .unwrap()
            .contains(") T ")
    };
    until("all of it is halted", is_halted);
    // At once, as each of them waits.
    let start = |more: &[&str]| {
        let mut command = bed
            .0
            .command(["daemon", "stop", "spell"].iter().chain(more));
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let (asking, ending) = (start(&[]), start(&["--force", "--json"]));
    assert_eq!(bed.listed(&[]), [row("spell", pid, "silent")]);
    let complaint = finish(asking).fails(7);
    assert!(complaint.contains("hint: --force"), "{complaint}");
    let ended = finish(ending).json();
    assert_eq!(ended["pid"], pid);
    assert_eq!(ended["forced"], true);
    assert_eq!(bed.listed(&["--all"]), [row("spell", pid, "gone")]);
}

#[test]
fn logs_are_shown_from_all_files_and_followed() {
    let bed = Bed::new();
    bed.daemon("spell");
    let log = bed.directory("spell").join("log");
    fs::write(log.with_extension("1"), "older\n").unwrap();
    let mut file = File::options().append(true).open(&log).unwrap();
    file.write_all(b"clear \x1b[2J and \xff\nbegun").unwrap();
    let lines = bed.run(&["logs", "-n", "3"]).ok();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines[0], "older");
    assert!(lines[1].contains("]: started: first start"), "{lines:?}");
    assert_eq!(lines[2], "clear \\u001b[2J and \u{fffd}");
    assert_eq!(
        bed.run(&["logs", "-n", "1"]).ok(),
        format!("{}\n", lines[2])
    );

    let follow = ["daemon", "logs", "spell", "--follow", "--json", "-n", "1"];
    let following = Lines::start(bed.0.command(follow));
    following.find("the last line", |line| {
        line["line"].as_str().unwrap().starts_with("clear")
    });
    file.write_all(b" and ended\n").unwrap();
    following.find("the next line", |line| line["line"] == "begun and ended");
    fs::rename(log.with_extension("1"), log.with_extension("2")).unwrap();
    fs::copy(&log, log.with_extension("1")).unwrap();
    file.set_len(0).unwrap();
    file.write_all(b"new\n").unwrap();
    following.find("a line of the next file", |line| line["line"] == "new");
}

#[test]
fn files_that_others_may_have_written_are_not_believed() {
    let bed = Bed::new();
    bed.daemon("open");
    let pid = bed.daemon("spell");
    bed.run(&["stop", "spell"]).ok();
    let metadata = bed.directory("spell").join("daemon.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&metadata).unwrap()).unwrap();
    value["build_id"] = json!("\u{1b}[2J");
    fs::write(&metadata, value.to_string()).unwrap();
    let table = bed.run(&["list", "--all"]).ok();
    assert!(
        table.contains(r"\u001b[2J") && !table.contains('\u{1b}'),
        "{table}"
    );

    // The number of this process is no reason to end it.
    value["pid"] = json!(std::process::id());
    fs::write(&metadata, value.to_string()).unwrap();
    assert_ne!(pid, std::process::id());
    let ended = bed.run(&["stop", "spell", "--force"]);
    assert!(ended.stderr.contains("does not run"), "{ended:?}");

    let open = bed.directory("open");
    fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
    let list = bed.run(&["list", "--all"]);
    assert!(list.stderr.contains("a daemon is left out"), "{list:?}");
    let table = list.ok();
    assert!(
        table.contains("spell") && !table.contains("open"),
        "{table}"
    );
    fs::set_permissions(&open, Permissions::from_mode(0o700)).unwrap();
}
