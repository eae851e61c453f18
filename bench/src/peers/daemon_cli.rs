//! The crate daemon-cli, by a program that whoever runs the bench brings along.
//!
//! crates.io does not have the crate any more, and we know of no licence for it, so nothing of it is
//! here. [`VARIABLE`] names a program that uses it and keeps to this:
//!
//! ```text
//! PROGRAM hello          writes "hello" and a line feed
//! PROGRAM stream BYTES   writes so many bytes: the one at position P, counted from 0, is the highest
//!                        of the 8 of (P mod 65537) * 0x9e3779b97f4a7c15
//! PROGRAM pid            prints the daemon's process id
//! PROGRAM stop           ends the daemon, waits for that, and prints what its process id was; prints
//!                        nothing if none runs
//! PROGRAM version        prints a line for the list of peers, such as "daemon-cli 0.10.0"
//! ```
//!
//! The exit code is 0 whenever that succeeds. What `hello`, `stream` and `pid` write comes from the
//! daemon, which they start if it does not run. There is one daemon for each current directory; the
//! bench makes a new one for each sample, and it is the one for temporary files, too.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::peer::Place;
use crate::program::{Program, Started, Task};

/// The program, with a directory for its daemon.
pub(crate) struct DaemonCli {
    program: PathBuf,
    directory: PathBuf,
}

impl Program for DaemonCli {
    const NAME: &'static str = "daemon-cli";
    const BROUGHT_BY: Option<&'static str> = Some(VARIABLE);

    fn prepare(place: &Place) -> Result<Self> {
        let program = env::var_os(VARIABLE).with_context(|| format!("{VARIABLE} is not set"))?;
        Self::new(Path::new(&program), place.directory())
    }

    fn version(&self) -> Result<String> {
        let version = self.said(&["version"])?;
        ensure!(!version.is_empty(), "{:?} has no version", self.program);
        Ok(version)
    }

    fn start(&self, task: Task) -> Result<Started> {
        match task {
            Task::Greet => self.command(&["hello"]),
            Task::Stream(bytes) => self.command(&["stream", &bytes.to_string()]),
        }
    }

    fn daemon(&self) -> Result<Option<u32>> {
        let pid = self.said(&["pid"])?.parse();
        Ok(Some(pid.context("the daemon does not tell its process")?))
    }

    fn stop_daemon(&self) -> Result<()> {
        let pid = self.said(&["stop"])?;
        // A process that has ended has no program, even while nobody has asked for its status.
        let runs = !pid.is_empty() && fs::read_link(format!("/proc/{pid}/exe")).is_ok();
        ensure!(!runs, "process {pid} runs although it was stopped");
        Ok(())
    }
}

impl DaemonCli {
    fn new(program: &Path, directory: &Path) -> Result<Self> {
        let found = program.canonicalize();
        let program = found.with_context(|| format!("{VARIABLE} names {}", program.display()))?;
        let directory = directory.to_owned();
        Ok(Self { program, directory })
    }

    fn command(&self, words: &[&str]) -> Result<Started> {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.directory);
        Started::process(command.env("TMPDIR", &self.directory))
    }

    /// What a command writes, when it succeeds.
    fn said(&self, words: &[&str]) -> Result<String> {
        let mut said = String::new();
        let mut started = self.command(words)?;
        started.output.read_to_string(&mut said)?;
        let finished = started.finish();
        finished.with_context(|| format!("{} {}", self.program.display(), words.join(" ")))?;
        Ok(said.trim().to_owned())
    }
}

impl Drop for DaemonCli {
    fn drop(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("stop").current_dir(&self.directory);
        command.env("TMPDIR", &self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // Whoever did not have to stop it before learns nothing from an error now.
        command.status().ok();
    }
}

const VARIABLE: &str = "LINKSPAN_BENCH_DAEMON_CLI";

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A program of a script, with its directory.
    fn program(script: &str) -> (DaemonCli, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        // Written by another process: a file cannot be started while somebody may write to it.
        let write = r#"printf '#!/bin/sh\n%s' "$1" > "$2" && chmod +x "$2""#;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", write, "sh", script]).arg(&path);
        assert!(shell.status().unwrap().success());
        (DaemonCli::new(&path, directory.path()).unwrap(), directory)
    }

    #[test]
    fn a_program_is_told_what_to_do_and_where() {
        let (program, directory) = program(r#"echo "$@ in $PWD and $TMPDIR""#);
        let place = directory.path().canonicalize().unwrap();
        let version = program.version().unwrap();
        let (place, temporary) = (place.display(), directory.path().display());
        assert_eq!(version, format!("version in {place} and {temporary}"));
        let stream = program.start(Task::Stream(7)).unwrap().output;
        let said = std::io::read_to_string(stream).unwrap();
        assert!(said.starts_with("stream 7 in "), "{said}");
    }

    #[test]
    fn a_daemon_that_was_not_stopped_is_noticed() {
        let (program, _directory) = program(&format!("echo {}", std::process::id()));
        let error = program.stop_daemon().unwrap_err().to_string();
        assert!(error.ends_with("runs although it was stopped"), "{error}");
    }

    #[test]
    fn nothing_to_stop_is_no_error() {
        let (program, _directory) = program("");
        program.stop_daemon().unwrap();
    }

    #[test]
    fn a_program_that_fails_is_noticed() {
        let (program, _directory) = program("echo 7; exit 3");
        let error = format!("{:#}", program.daemon().unwrap_err());
        assert!(error.contains("pid: the command failed"), "{error}");
    }

    #[test]
    fn a_path_that_names_nothing_is_told() {
        let error = DaemonCli::new(Path::new("/nowhere"), Path::new("/")).err();
        let error = format!("{:#}", error.unwrap());
        assert!(
            error.starts_with("LINKSPAN_BENCH_DAEMON_CLI names /nowhere: "),
            "{error}"
        );
    }
}
