//! A place for daemons of one test.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
#[cfg(unix)]
use std::io::Write;
#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use linkspan_test::wait::PATIENCE;
use os::Process;
use tempfile::TempDir;

/// A runtime directory of the test's own; its daemon is ended with it.
pub(super) struct Bed {
    pub(super) runtime: TempDir,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self {
            runtime: tempfile::tempdir().unwrap(),
        }
    }

    /// The example, called with these arguments.
    pub(super) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = example("daemon");
        self.furnish(&mut command).args(arguments);
        command
    }

    /// Has a program find its daemon here, and the test see what it says.
    pub(super) fn furnish<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env_remove("RUNTIME_DIRECTORY")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if cfg!(windows) {
            // The other variable has no meaning there.
            command.env("RUNTIME_DIRECTORY", self.runtime.path().join("linkspan"));
        }
        command
    }

    pub(super) fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(super) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The daemon's process id, by a command that has to succeed.
    pub(super) fn pid(&self) -> u32 {
        pid(&self.run(["pid"]))
    }

    /// The daemon's directory, which is there after the first command.
    pub(super) fn place(&self) -> PathBuf {
        let daemons = self.runtime.path().join("linkspan/daemons");
        let mut places = std::fs::read_dir(daemons).unwrap();
        let place = places.next().unwrap().unwrap().path();
        assert!(places.next().is_none(), "one daemon is expected");
        place
    }

    /// How many commands the daemon runs.
    #[cfg(unix)]
    pub(super) fn running(&self) -> usize {
        let status = text(&self.run(["--daemon", "status"]).stdout);
        let line = status.lines().find(|line| line.contains("commands run"));
        let number = line.and_then(|line| line.split(' ').next());
        number
            .unwrap_or_else(|| panic!("{status}"))
            .parse()
            .unwrap()
    }

    /// Waits until it runs so many.
    #[cfg(unix)]
    #[track_caller]
    pub(super) fn wait_running(&self, commands: usize) {
        wait_until("the commands run", || self.running() == commands);
    }

    /// How many daemons have started here.
    pub(super) fn starts(&self) -> usize {
        let log = std::fs::read_to_string(self.place().join("log")).unwrap();
        log.lines()
            .filter(|line| line.contains("]: started: "))
            .count()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Tests that took the place away have ended their daemon themselves.
        self.command(["--daemon", "stop"]).output().ok();
    }
}

/// An example's program, which `cargo test` builds when it runs all targets.
pub(super) fn example(name: &str) -> Command {
    let own = std::env::current_exe().unwrap();
    let examples = own.ancestors().nth(2).unwrap().join("examples");
    let program = examples.join(format!("{name}{EXE_SUFFIX}"));
    assert!(program.exists(), "{} was not built", program.display());
    Command::new(program)
}

/// What `pid` has printed.
#[track_caller]
pub(super) fn pid(output: &Output) -> u32 {
    assert!(output.status.success(), "{}", shown(output));
    text(&output.stdout).trim().parse().unwrap()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn shown(output: &Output) -> String {
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    format!("{}; stdout {out:?}; stderr {error:?}", output.status)
}

/// Sends a signal as the shell does: to a process, or with a minus to a group.
#[cfg(unix)]
pub(super) fn signal(name: &str, target: &str) {
    let script = format!("kill -{name} {target}");
    let status = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Waits until a process is gone.
#[track_caller]
pub(super) fn wait_end(process: Process) {
    let deadline = Instant::now() + PATIENCE;
    assert!(process.wait_end(deadline).unwrap(), "{process:?} lives on");
}

pub(super) fn find(pid: u32) -> Process {
    Process::find(pid).unwrap().unwrap()
}

/// Waits until a condition holds.
#[cfg(unix)]
#[track_caller]
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// How much of something is tried: `usual` in the tests, `full` by `cargo xtask race --rounds 1000`,
/// and in proportion by fewer rounds.
pub(super) fn scaled(usual: usize, full: usize) -> usize {
    let Ok(rounds) = std::env::var("LINKSPAN_RACE_ROUNDS") else {
        return usual;
    };
    let rounds: usize = rounds.parse().unwrap();
    usual.max(full * rounds / 1000)
}

/// Reads a file that is expected to be there.
#[cfg(unix)]
pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Says a figure or a fact that is shown when the test's output is.
#[cfg(unix)]
pub(super) fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// The variable by which the example gets other settings.
#[cfg(unix)]
pub(super) const CONFIG: &str = "DAEMON_EXAMPLE_CONFIG";
