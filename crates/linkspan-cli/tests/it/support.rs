//! Places and processes for the tests.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use linkspan_test::wait::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A directory of its own, with nothing of the machine's configuration in sight.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file; gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Where a node without configuration listens.
    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.path("linkspan/node.sock").display())
    }

    /// The program, not started yet.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkspan"));
        let directory = self.directory.path();
        command.args(arguments).current_dir(directory).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", directory);
        command
            .env("XDG_RUNTIME_DIR", directory)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        finish(
            self.command(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Starts a node and waits until it is ready.
    #[track_caller]
    pub(crate) fn node<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Node {
        let mut command = self.command(["up", "--json"]);
        command.args(arguments);
        Node::start(command)
    }
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its output, if it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Its output as one JSON value, if it succeeded.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Its complaint, if it failed with `code`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr
    }
}

/// Waits for the end of a process whose outputs are piped.
#[track_caller]
pub(crate) fn finish(child: Child) -> Ran {
    let pid = pid(&child);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(PATIENCE) else {
        kill_process(pid, Signal::KILL).ok();
        panic!("process {pid:?} does not end");
    };
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    Ran {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

/// A node; it is killed when the test is over.
pub(crate) struct Node {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    /// Its first line.
    pub(crate) ready: Value,
    stderr: tempfile::NamedTempFile,
}

impl Node {
    #[track_caller]
    pub(crate) fn start(mut command: Command) -> Self {
        let stderr = tempfile::NamedTempFile::new().unwrap();
        command
            .stdout(Stdio::piped())
            .stderr(stderr.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            child.kill().unwrap();
            panic!(
                "no node: {line}{}",
                std::fs::read_to_string(stderr.path()).unwrap()
            )
        });
        Self {
            child,
            stdout,
            ready,
            stderr,
        }
    }

    /// Its first address.
    pub(crate) fn address(&self) -> String {
        self.ready["addresses"][0].as_str().unwrap().to_owned()
    }

    pub(crate) fn pid(&self) -> Pid {
        pid(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Waits for words in the log.
    #[track_caller]
    pub(crate) fn logs(&self, words: &str) {
        until(words, || self.log().contains(words));
    }

    /// Waits for its end; gives its exit code and its last line.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, Value) {
        until("the node ends", || self.child.try_wait().unwrap().is_some());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let last = rest.lines().last().unwrap_or("null");
        (
            self.child.wait().unwrap().code(),
            serde_json::from_str(last).unwrap(),
        )
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A running command whose output is read line by line.
pub(crate) struct Lines {
    pub(crate) child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Lines {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut read = stdout.lines().map_while(Result::ok);
            // It ends with the output, or with the test.
            read.all(|line| sender.send(line).is_ok());
        });
        Self { child, lines }
    }

    /// Waits for the first line that fits.
    #[track_caller]
    pub(crate) fn find(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let line = self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("waited in vain: {what}"));
            let value = serde_json::from_str(&line).unwrap();
            if fits(&value) {
                return value;
            }
        }
    }

    /// Waits for the end; gives the exit code and what was complained about.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> (Option<i32>, String) {
        until("the command ends", || {
            self.child.try_wait().unwrap().is_some()
        });
        let mut text = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Gives a command its standard input.
#[track_caller]
pub(crate) fn run_with_input(mut command: Command, input: &str) -> Ran {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    finish(child)
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
