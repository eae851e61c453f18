//! The process that launches guests: as whoever runs the tests, and as nobody if that is root.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use linkspan_os::effective_uid;
use linkspan_os::sandbox::{Exit, Launch, LaunchError, Level, Program, Running};

use crate::child::{self, ARGUMENT, ARGUMENTS, PART, Part, late};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "sandbox-host",
        run: |argument| {
            let (scenario, level) = argument.split_once(' ').unwrap();
            let scenarios = SCENARIOS.iter().copied().flatten();
            let found = scenarios.into_iter().find(|(name, _)| *name == scenario);
            (found.unwrap().1)(parse(level));
        },
    },
    Part {
        name: "sandbox-guest",
        run: super::guest::act,
    },
];

/// What a host does, by its name.
pub(super) type Scenario = (&'static str, fn(Level));

const SCENARIOS: &[&[Scenario]] = &[
    super::confinement::SCENARIOS,
    super::limits::SCENARIOS,
    super::orphans::SCENARIOS,
    super::processes::SCENARIOS,
    super::program::SCENARIOS,
    super::python::SCENARIOS,
];

pub(super) const ALL: [Level; 3] = [Level::None, Level::Basic, Level::Strict];
pub(super) const CONFINED: [Level; 2] = [Level::Basic, Level::Strict];

/// Lets hosts play a scenario: of each kind of user, at each of these levels.
pub(super) fn play(scenario: &str, levels: &[Level]) {
    for user in users() {
        for level in levels {
            let mut host = command(scenario, *level, user);
            let host = host.stderr(Stdio::piped()).stdout(Stdio::piped());
            let output = host.output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            for gap in text.lines().filter(|line| line.starts_with("gap: ")) {
                println!("{gap}");
            }
            let name = format!("{scenario} at {level} as {user:?}");
            let text = format!("{text}{}", String::from_utf8_lossy(&output.stdout));
            assert!(output.status.success(), "{name}: {}\n{text}", output.status);
        }
    }
}

/// Whoever runs the tests, and somebody without rights.
#[derive(Debug, Clone, Copy)]
pub(super) enum User {
    Own,
    Nobody,
}

pub(super) fn users() -> Vec<User> {
    match can_become_others() {
        true => vec![User::Own, User::Nobody],
        false => vec![User::Own],
    }
}

/// Root can, but for one in a user namespace that has no others.
fn can_become_others() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    effective_uid() == 0 && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// A host that is yet to be started.
pub(super) fn command(scenario: &str, level: Level, user: User) -> Command {
    let mut command = Command::new(readable_program());
    command
        .args(ARGUMENTS)
        .env(PART, "sandbox-host")
        .env(ARGUMENT, format!("{scenario} {level}"))
        .current_dir("/");
    if matches!(user, User::Nobody) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// This program where everybody can start it: a copy, if it is in a directory that is not for all.
fn readable_program() -> PathBuf {
    let own = env::current_exe().unwrap();
    let is_open = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o5 == 0o5;
    if own.ancestors().all(is_open) {
        return own;
    }
    let copy = env::temp_dir().join(format!("linkspan-os-it-{}", std::process::id()));
    if !copy.exists() {
        fs::copy(&own, &copy).unwrap();
        fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
    }
    copy
}

/// A guest that does one thing, see [`super::guest`].
pub(super) fn guest(level: Level, action: &str) -> Launch {
    let program = Program::open(env::current_exe().unwrap()).unwrap();
    let mut launch = Launch::new(program, level);
    launch.arguments = ARGUMENTS.iter().map(Into::into).collect();
    launch.environment = vec![
        (PART.into(), "sandbox-guest".into()),
        (ARGUMENT.into(), action.into()),
    ];
    launch
}

/// Starts a guest; `None`, with a note, where the system cannot confine it that far.
pub(super) fn start(launch: Launch) -> Option<Running> {
    let level = launch.level;
    match launch.start() {
        Ok(running) => {
            assert_eq!(running.applied().level, level);
            Some(running)
        }
        Err(error @ LaunchError::Unavailable { .. }) => {
            assert!(!has_namespaces(), "{}", chain(&error));
            let user = effective_uid();
            eprintln!("gap: {} (user {user})", chain(&error));
            None
        }
        Err(error) => panic!("{}", chain(&error)),
    }
}

/// Whether somebody else can make what the launch said is not to be had.
fn has_namespaces() -> bool {
    // Whoever cannot become any user needs a namespace of users, too.
    let flag = if can_become_others() { "-mp" } else { "-Ump" };
    let mut command = Command::new("unshare");
    command.args([flag, "-f", "true"]);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

/// How a guest ended, and all that it wrote.
pub(super) fn finish(mut running: Running) -> (Exit, String) {
    let output = running.take_output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(File::from);
    let mut text = read_all(stdout).unwrap();
    text += &read_all(stderr).unwrap();
    let exit = running.wait(late()).unwrap().expect("it ends");
    (exit, text)
}

fn read_all(mut file: File) -> io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Whether the system let a guest do its one thing; anything but yes and no fails.
pub(super) fn is_let(launch: Launch) -> Option<bool> {
    let (exit, text) = finish(start(launch)?);
    match exit {
        Exit::Code(0) => Some(true),
        Exit::Code(super::guest::REFUSED) => Some(false),
        exit => panic!("{exit}: {text}"),
    }
}

/// Whether a process has a text among its arguments.
pub(super) fn is_anybody(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.into_iter().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line)
            .split('\0')
            .any(|word| word == marker)
    })
}

/// A duration for `sleep` that no other process has.
pub(super) fn marker() -> String {
    let number = u32::from_le_bytes(linkspan_os::random_bytes().unwrap());
    format!("60.{number:010}")
}

/// A directory that whoever a guest is may use.
pub(super) fn open_directory() -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    fs::set_permissions(base.path(), PermissionsExt::from_mode(0o777)).unwrap();
    base
}

/// The same, at a path.
pub(super) fn open_directory_at(path: &Path) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
}

pub(super) use child::until;

fn parse(level: &str) -> Level {
    let mut levels = ALL.into_iter();
    levels.find(|known| known.to_string() == level).unwrap()
}

pub(super) const NOBODY: u32 = 65_534;
