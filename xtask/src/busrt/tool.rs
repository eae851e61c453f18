//! The program busrt, run to its end or left running.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The program, and the broker that it is told of.
pub(super) struct Tool {
    program: PathBuf,
    place: String,
}

/// What it said, and whether it was content.
pub(super) struct Said {
    command: String,
    is_content: bool,
    text: String,
}

/// One that runs until it is dropped, or its broker ends.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// All that it has said.
    text: String,
}

impl Tool {
    pub(super) fn new(program: PathBuf, place: String) -> Self {
        Self { program, place }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, words: &[&str]) -> Result<Said> {
        self.run_with(words, "")
    }

    /// Runs a command to its end, with something to read.
    pub(super) fn run_with(&self, words: &[&str], input: &str) -> Result<Said> {
        let mut command = self.command(CALLER, words);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start busrt")?;
        let mut stdin = child.stdin.take().context("it is piped")?;
        // One that reads nothing may have ended already.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let output = child.wait_with_output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Said {
            command: words.join(" "),
            is_content: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// Starts a command that goes on, under a name.
    pub(super) fn start(&self, name: &str, words: &[&str]) -> Result<Running> {
        let mut command = self.command(name, words);
        let mut child = command.stdin(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("it is piped")?;
        let mut running = Running {
            child,
            lines: read(output),
            text: String::new(),
        };
        running.says(&format!("for {name} ..."))?;
        Ok(running)
    }

    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--name", name, &self.place]).args(words);
        command.stdout(Stdio::piped());
        command
    }
}

impl Said {
    /// That it did what it was to do, and said all this.
    pub(super) fn well(&self, parts: &[&str]) -> Result<()> {
        ensure!(self.is_content, "busrt {} failed: {self}", self.command);
        self.all(parts)
    }

    /// That it did not, and said all this.
    pub(super) fn badly(&self, parts: &[&str]) -> Result<()> {
        ensure!(
            !self.is_content,
            "busrt {} did not fail: {self}",
            self.command
        );
        self.all(parts)
    }

    /// The line that begins with a word.
    pub(super) fn line(&self, word: &str) -> Result<&str> {
        let mut lines = self.text.lines().map(str::trim);
        let line = lines.find(|line| line.split_whitespace().next() == Some(word));
        line.with_context(|| format!("busrt {} does not name {word}: {self}", self.command))
    }

    fn all(&self, parts: &[&str]) -> Result<()> {
        for part in parts {
            ensure!(
                self.text.contains(part),
                "busrt {} does not say {part:?}: {self}",
                self.command
            );
        }
        Ok(())
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Running {
    /// Waits until it says something.
    pub(super) fn says(&mut self, part: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                bail!("it does not say {part:?}: {}", self.text);
            };
            self.text.push_str(&line);
            self.text.push('\n');
            if line.contains(part) {
                return Ok(());
            }
        }
    }

    /// All that it has said, as far as somebody waited for it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Waits until it ends by itself.
    pub(super) fn ends(mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "it does not end: {}", self.text);
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The lines of a program, as they come.
fn read(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for line in lines {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The name of whoever runs a command to its end.
pub(super) const CALLER: &str = "lane.caller";
const PATIENCE: Duration = Duration::from_secs(20);
