//! Processes that tests start: the same test program, which then runs [`child`] alone.

use std::env;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use linkspan_os::{Spawn, Spawned};

/// What a child does: its name, and what it needs for that.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&str),
}

/// The other part of tests. In a process that no test has started it does nothing.
#[test]
fn child() {
    let Ok(name) = env::var(PART) else {
        return;
    };
    let parts = PARTS.iter().copied().flatten();
    let part = parts.into_iter().find(|part| part.name == name).unwrap();
    (part.run)(&env::var(ARGUMENT).unwrap());
}

/// An ordinary child process with a part.
pub(crate) fn start(part: &str, argument: impl AsRef<Path>) -> Child {
    let _alone = alone();
    command(part, argument).spawn().unwrap()
}

pub(crate) fn command(part: &str, argument: impl AsRef<Path>) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(ARGUMENTS)
        .env(PART, part)
        .env(ARGUMENT, argument.as_ref())
        .stdout(Stdio::null());
    command
}

/// A daemon with a part.
pub(crate) fn daemon(part: &str, argument: impl AsRef<Path>) -> Spawned {
    let log = OpenOptions::new().append(true).open(null()).unwrap();
    let _alone = alone();
    spawn(part, argument, log).detached().unwrap()
}

/// Lets a part run in a process in which nothing else does, so that it can count what there is.
pub(crate) fn run(part: &str, argument: impl AsRef<Path>) {
    assert!(start(part, argument).wait().unwrap().success());
}

/// On Windows, children that are started at the same time inherit from each other.
fn alone() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap()
}

pub(crate) fn spawn(part: &str, argument: impl AsRef<Path>, log: File) -> Spawn {
    let mut spawn = Spawn::new(env::current_exe().unwrap(), log);
    spawn.arguments = ARGUMENTS.iter().map(OsString::from).collect();
    spawn.environment = vec![
        (PART.into(), part.into()),
        (ARGUMENT.into(), argument.as_ref().into()),
    ];
    spawn
}

pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let deadline = late();
    while !happened() {
        assert!(Instant::now() < deadline, "it happens within 30 s");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// When something must have happened that will.
pub(crate) fn late() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// When something has not happened that will not.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_millis(50)
}

/// Keeps a child alive until its parent ends it; not for ever, whatever happens to the parent.
pub(crate) fn stay() {
    std::thread::sleep(Duration::from_secs(60));
}

/// Appends a line at once, so that lines of several processes do not mix.
pub(crate) fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn null() -> &'static Path {
    Path::new(if cfg!(windows) { "NUL" } else { "/dev/null" })
}

/// One thread, so that the part runs on the main one.
pub(crate) const ARGUMENTS: [&str; 5] = [
    "--exact",
    "child::child",
    "--nocapture",
    "--test-threads",
    "1",
];
pub(crate) const PART: &str = "LINKSPAN_TEST_PART";
pub(crate) const ARGUMENT: &str = "LINKSPAN_TEST_ARGUMENT";
const PARTS: &[&[Part]] = &[
    crate::spawn::PARTS,
    crate::lock_wait::PARTS,
    crate::file::PARTS,
    #[cfg(unix)]
    crate::detached::PARTS,
    #[cfg(unix)]
    crate::private::PARTS,
    #[cfg(target_os = "linux")]
    crate::sandbox::PARTS,
    #[cfg(unix)]
    crate::signals::PARTS,
    #[cfg(windows)]
    crate::windows::PARTS,
];
