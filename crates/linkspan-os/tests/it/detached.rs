//! What a daemon has of whoever started it: nothing.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use linkspan_os::{NotReady, Process, ReadySender, Spawn};
use rustix::process::{Pid, Signal, getppid, kill_process_group};

use crate::child::{Part, command, daemon, late, run, soon, stay, until};

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "reports",
        run: |_| {
            let descriptors = descriptors();
            let variable = env::var("LINKSPAN_READY_FD").unwrap();
            let sender = ReadySender::from_environment().unwrap();
            let mut lines = facts();
            lines.push(format!("descriptors={}", descriptors.join(" ")));
            lines.push(format!("variable={variable}"));
            lines.push(format!("grandchild={}", grandchild()));
            sender.ready(&lines.join("\n")).unwrap();
            stay();
        },
    },
    Part {
        name: "has-nobody-to-tell",
        run: |_| {
            assert!(env::var("LINKSPAN_READY_FD").is_ok());
            // Another socket under the number that the variable names is not taken.
            let _sockets: Vec<_> = (0..16).map(|_| UnixStream::pair().unwrap()).collect();
            assert!(ReadySender::from_environment().is_none());
        },
    },
    Part {
        name: "starts-daemon",
        run: |path| {
            let mut spawned = daemon("says-ready", "");
            spawned.wait_ready(late()).unwrap();
            let process = spawned.process();
            let text = format!("{} {}", process.pid(), process.start_time().unwrap());
            let temporary = format!("{path}.new");
            fs::write(&temporary, text).unwrap();
            fs::rename(&temporary, path).unwrap();
            stay();
        },
    },
    Part {
        name: "starts-many",
        run: start_many,
    },
    Part {
        name: "starts-without-children",
        run: |_| {
            let log = tempfile::tempfile().unwrap();
            Spawn::new("/missing".into(), log).detached().unwrap_err();
            let mut spawned = daemon("says-ready", "");
            spawned.wait_ready(late()).unwrap();
            spawned.process().kill().unwrap();
        },
    },
    Part {
        name: "starts-shell",
        run: |path| {
            let mut spawn = Spawn::new("/bin/sh".into(), File::create(path).unwrap());
            let script = "cat /proc/self/status; echo; pwd; umask; env; cat";
            spawn.arguments = vec!["-c".into(), script.into()];
            spawn.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
            let mut spawned = spawn.detached().unwrap();
            let error = spawned.wait_ready(late()).unwrap_err();
            assert!(matches!(error, NotReady::Ended), "{error}");
        },
    },
];

/// What the report says, by name.
fn facts() -> Vec<String> {
    let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
    let names: Vec<_> = env::vars().map(|(name, _)| name).collect();
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    vec![
        format!("pid={}", own.as_raw_nonzero()),
        format!("session={}", session()),
        format!("parent={}", getppid().unwrap().as_raw_nonzero()),
        format!("directory={}", env::current_dir().unwrap().display()),
        format!("umask={:o}", umask.bits()),
        format!("environment={}", names.join(" ")),
    ]
}

/// The session of this process, 0 when its leader is outside of this namespace of processes, as in
/// a container that somebody entered: a number that rustix's `getsid` does not survive.
fn session() -> u32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name, which may have anything in it, is closed by the last parenthesis; then come the
    // state, the parent, the group and the session.
    let (_, behind_name) = stat.rsplit_once(')').unwrap();
    let session = behind_name.split_whitespace().nth(3).unwrap();
    session.parse().unwrap()
}

fn descriptors() -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let target = fs::read_link(entry.path()).ok()?;
            let number = entry.file_name().into_string().unwrap();
            // The directory that is read is none of them.
            let is_reading = target.to_string_lossy().contains("/fd");
            (!is_reading).then(|| format!("{number}:{}", target.display()))
        })
        .collect();
    found.sort();
    found
}

/// What a child of the daemon gets. The variable is still there, as the daemon has threads.
fn grandchild() -> String {
    let child = command("has-nobody-to-tell", "").status().unwrap();
    let script = "ls /proc/$$/fd";
    let shell = Command::new("/bin/sh")
        .args(["-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(shell.stdout).unwrap();
    let descriptors: Vec<_> = text.split_whitespace().collect();
    format!("{child} {}", descriptors.join(" "))
}

fn report(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.collect()
}

#[test]
fn a_daemon_has_only_what_it_was_given() {
    // A descriptor that every child would inherit.
    let file = tempfile::tempfile().unwrap();
    let leak = rustix::io::dup(&file).unwrap();
    let mut spawned = daemon("reports", "");
    let text = spawned.wait_ready(late()).unwrap().text;
    let process = spawned.process();
    drop(leak);
    let report = report(&text);

    assert_eq!(report["pid"], process.pid().to_string());
    assert_ne!(report["session"], report["pid"], "it leads no session");
    assert_ne!(report["session"], session().to_string());
    assert_ne!(report["parent"], std::process::id().to_string());
    assert_eq!(report["directory"], "/");
    assert_eq!(report["umask"], "77");
    let (number, inode) = report["variable"].split_once(':').unwrap();
    let mut descriptors: Vec<_> = report["descriptors"].split(' ').collect();
    descriptors.sort_by_key(|text| text.len());
    let sender = format!("{number}:socket:[{inode}]");
    let expected = ["0:/dev/null", "1:/dev/null", "2:/dev/null", &sender];
    assert_eq!(descriptors, expected);
    let environment = "LINKSPAN_TEST_PART LINKSPAN_TEST_ARGUMENT";
    let mut names: Vec<_> = report["environment"].split(' ').collect();
    // The test harness sets some of its own, and has made threads before.
    names.retain(|name| !name.starts_with("RUST_") && *name != "LINKSPAN_READY_FD");
    names.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(names.join(" "), environment);
    assert_eq!(report["grandchild"], "exit status: 0 0 1 2");

    process.kill().unwrap();
    assert!(process.wait_end(late()).unwrap());
}

#[test]
fn neither_the_death_of_its_starter_nor_a_signal_to_its_group_ends_a_daemon() {
    use std::os::unix::process::CommandExt;
    for signal in [Signal::INT, Signal::HUP, Signal::KILL] {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("process");
        // A group of its own, as a shell gives to whatever runs in the foreground of a terminal.
        let mut starter = command("starts-daemon", &path)
            .process_group(0)
            .spawn()
            .unwrap();
        until(|| path.exists());
        let text = fs::read_to_string(&path).unwrap();
        let (pid, start_time) = text.split_once(' ').unwrap();
        let boot_id = Process::own().boot_id();
        let process = Process::from_parts(
            pid.parse().unwrap(),
            Some(start_time.parse().unwrap()),
            boot_id,
        );
        kill_process_group(Pid::from_child(&starter), signal).unwrap();
        assert!(!starter.wait().unwrap().success());
        assert!(!process.wait_end(soon()).unwrap());
        assert!(process.is_alive().unwrap());
        process.terminate().unwrap();
        assert!(process.wait_end(late()).unwrap());
    }
}

#[test]
fn what_its_starter_ignores_and_holds_back_is_as_usual_again() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("log");
    let status = ignoring("HUP,INT,TERM,USR1", &command("starts-shell", &path));
    assert!(status.success());
    let text = fs::read_to_string(&path).unwrap();
    for name in ["SigBlk:", "SigIgn:"] {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let signals = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
        // The C library keeps signals 32 and 33 to itself, and so as they were.
        assert_eq!(signals & !(0b11 << 31), 0, "{name}{signals:x}");
    }
    let (_, after) = text.split_once("\n\n").unwrap();
    let lines: Vec<_> = after.lines().collect();
    assert_eq!(lines[..2], ["/", "0077"], "{text}");
    let rest = &lines[2..];
    let is_known = |line: &&str| {
        [
            "PATH=",
            "PWD=",
            "LINKSPAN_READY_FD=",
            "OLDPWD=",
            "_=",
            "SHLVL=",
        ]
        .iter()
        .any(|name| line.starts_with(name))
    };
    assert!(
        rest.iter().all(is_known),
        "nothing inherited, and stdin is empty: {rest:?}"
    );
}

#[test]
fn a_starter_that_ignores_its_children_starts_daemons_all_the_same() {
    let starter = command("starts-without-children", "");
    assert!(ignoring("CHLD", &starter).success());
}

/// Runs a command that ignores signals from the beginning: such stay ignored over exec.
fn ignoring(signals: &str, command: &Command) -> ExitStatus {
    let variables = command.get_envs();
    Command::new("env")
        .arg(format!("--ignore-signal={signals}"))
        .arg(command.get_program())
        .args(command.get_args())
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .stdout(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn a_file_that_is_no_program_is_an_error() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("program");
    fs::write(&path, "text").unwrap();
    let error = Spawn::new(path, tempfile::tempfile().unwrap())
        .detached()
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("Permission denied"), "{source}");
}

#[test]
fn starting_leaves_no_zombie_and_no_descriptor() {
    run("starts-many", "");
}

fn start_many(_: &str) {
    let before = linkspan_os::open_descriptors();
    for _ in 0..5 {
        let mut spawned = daemon("ends", "");
        assert!(spawned.wait_ready(late()).is_err());
        let log = tempfile::tempfile().unwrap();
        Spawn::new("/missing".into(), log).detached().unwrap_err();
    }
    assert_eq!(linkspan_os::open_descriptors(), before);
    let children = fs::read_to_string("/proc/thread-self/children").unwrap();
    assert_eq!(children.trim(), "", "there are no children");
}

#[test]
fn starting_takes_milliseconds() {
    let path = Path::new("/bin/true");
    let quickest = (0..10).map(|_| {
        let begin = std::time::Instant::now();
        Spawn::new(path.into(), tempfile::tempfile().unwrap())
            .detached()
            .unwrap();
        begin.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
}

#[test]
fn a_daemon_with_one_thread_hides_the_variable_from_its_children() {
    let tests = env::current_exe().unwrap();
    let build = tests.parent().and_then(Path::parent).unwrap();
    let output = Command::new(build.join("examples/detached"))
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "the daemon says: at / with 0 variables []\n");
}
