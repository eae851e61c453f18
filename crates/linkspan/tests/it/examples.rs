//! The examples, as two processes each, and what they print.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use linkspan_test::wait::PATIENCE;
use tempfile::TempDir;

/// An example that serves.
struct Serving {
    example: &'static str,
    directory: TempDir,
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Serving {
    /// Starts the server of an example and waits until it listens.
    fn start(example: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = command(example, &directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let serving = Self {
            example,
            lines: read_on(output),
            directory,
            process,
        };
        let socket = serving.directory.path().join(format!("{example}.sock"));
        assert_eq!(
            serving.next_line(),
            format!("listening at unix:{}", socket.display())
        );
        serving
    }

    /// Runs the client of the example; gives what it prints.
    fn converse(&self, argument: &str) -> Vec<String> {
        let Output { status, stdout, .. } = command(self.example, &self.directory)
            .arg(argument)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(stdout).unwrap();
        assert!(status.success(), "{status} after {text}");
        text.lines().map(str::to_owned).collect()
    }

    /// The next line that the server prints.
    fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The program of an example, with its socket in a directory of the test's own.
fn command(example: &str, directory: &TempDir) -> Command {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join(example);
    assert!(
        program.exists(),
        "{} was not built; `cargo test` builds it when it runs all targets",
        program.display()
    );
    let mut command = Command::new(program);
    command.env("TMPDIR", directory.path()).stdin(Stdio::null());
    command
}

/// Reads lines on a thread of their own, so that waiting for one can have a limit.
fn read_on(lines: Lines<BufReader<ChildStdout>>) -> mpsc::Receiver<String> {
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    received
}

/// What the documentation of an example says that its client prints; the user is this one.
fn documented(example: &str) -> Vec<String> {
    let user = format!("uid:{}", os::effective_uid());
    consoles(example)
        .pop()
        .unwrap()
        .into_iter()
        .map(|line| line.replace("uid:1000", &user))
        .collect()
}

/// The outputs in the documentation of an example, without the commands.
fn consoles(example: &str) -> Vec<Vec<String>> {
    let documentation: Vec<String> = source(example)
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect();
    documentation
        .split(|line| line.starts_with("```"))
        .filter(|block| block.first().is_some_and(|line| line.starts_with("$ ")))
        .map(|block| block.get(1..).unwrap_or_default().to_vec())
        .collect()
}

fn source(example: &str) -> String {
    let path = root().join(format!("crates/linkspan/examples/{example}.rs"));
    std::fs::read_to_string(path).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs both sides; each has to print what its documentation says.
fn check(example: &'static str, argument: &str) {
    let serving = Serving::start(example);
    assert_eq!(serving.converse(argument), documented(example));
    let user = format!("uid:{}", os::effective_uid());
    // The first line names the socket, which is another one here.
    for line in consoles(example).first().unwrap().iter().skip(1) {
        assert_eq!(serving.next_line(), line.replace("uid:1000", &user));
    }
}

#[test]
fn greeter_greets() {
    check("greeter", "Ada");
}

#[test]
fn streams_flow_both_ways() {
    check("streams", "client");
}

#[test]
fn events_and_questions_come_back() {
    let serving = Serving::start("events");
    let (mut said, mut expected) = (serving.converse("client"), documented("events"));
    // Events are handled beside calls: only their order among themselves is promised.
    said.sort();
    expected.sort();
    assert_eq!(said, expected);
    assert_eq!(serving.next_line(), "note: the build begins");
    assert_eq!(serving.next_line(), "note: the build ends");
}

#[test]
fn layers_limit_and_refuse() {
    check("layers", "client");
}

/// It looks for itself in the machine's process table.
#[cfg(all(feature = "exchange", feature = "prost", target_os = "linux"))]
#[test]
fn exchange_finds_its_own_server() {
    let serving = Serving::start("exchange");
    let said = serving.converse("exchange");
    let documented = documented("exchange");
    let own = format!("task-1: process {} is exchange", serving.process.id());
    assert!(said.contains(&own), "{said:?}");
    assert!(documented[0].starts_with("task-1: process "));
    assert_eq!(said.last(), documented.last());
    let user = format!("uid:{}", os::effective_uid());
    for line in consoles("exchange").first().unwrap().iter().skip(1) {
        assert_eq!(serving.next_line(), line.replace("uid:1000", &user));
    }
}

#[cfg(feature = "blocking")]
#[test]
fn blocking_needs_no_runtime() {
    check("blocking", "client");
}

#[test]
fn the_readme_shows_the_greeter() {
    let source = source("greeter");
    let program = source.split_once("\n\n").unwrap().1;
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.contains(program),
        "the program in README.md is not examples/greeter.rs"
    );
}
