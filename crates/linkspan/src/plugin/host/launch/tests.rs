//! Plugins as processes, at every level, for whoever runs the tests and, if that is root, for nobody.
#![cfg(target_os = "linux")]

use std::env;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use os::sandbox::Exit;

use super::*;
use crate::plugin::host::{Inherited, Terms};
use crate::plugin::{Config, Pins, SandboxLevel, Verified};

/// A plugin in a folder, and what its processes are started with.
struct Plugin {
    base: tempfile::TempDir,
    terms: Terms,
    manifest: String,
}

impl Plugin {
    fn new(level: SandboxLevel, entry: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        // Root's plugins are other users.
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(base.path().join("folder")).unwrap();
        let terms = Terms {
            sandbox: level,
            ..Terms::default()
        };
        let manifest = format!(
            "format: 1\nname: tried\nversion: 1.0.0\nprotocol: 1\nsandbox: none\nentry: {{ {entry} }}\n"
        );
        Self {
            base,
            terms,
            manifest,
        }
    }

    /// One whose program is the system's shell.
    fn shell(level: SandboxLevel, script: &str) -> Self {
        let arguments = format!("binary: shell, arguments: [\"-c\", {script:?}]");
        let plugin = Self::new(level, &arguments);
        plugin.file("shell", fs::read("/bin/sh").unwrap());
        plugin
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.base.path().join("folder").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn copies(&self) -> Arc<Copies> {
        Copies::open(Some(&self.base.path().join("copies"))).unwrap()
    }

    fn verified(&self) -> Verified {
        // It asks for what it is granted, and for more.
        let hidden = format!("fs.write:{}/hidden", self.base.path().display());
        let asked = self.terms.grants.iter().map(ToString::to_string);
        let asked: Vec<_> = asked.chain([hidden]).collect();
        let manifest = format!("{}capabilities: {asked:?}\n", self.manifest);
        self.file("plugin.yaml", manifest);
        Verified::open(&self.base.path().join("folder"), &unpinned()).unwrap()
    }

    fn image(&self) -> Result<Image, StartError> {
        Image::prepare(&self.verified(), &self.copies())
    }

    /// How it ends, and what it wrote to its connection, stdout and stderr; none where there are no
    /// sandboxes.
    fn run(&self) -> Option<(Exit, [String; 3])> {
        finish(
            self.image()
                .unwrap()
                .launch(&self.terms, 0, pair().1, Vec::new()),
            None,
        )
    }
}

fn unpinned() -> Config {
    Config {
        pins: Pins::Optional,
        ..Config::default()
    }
}

fn pair() -> (UnixStream, os::sandbox::Descriptor) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, theirs.into())
}

fn finish(
    launched: Result<Launched, StartError>,
    connection: Option<UnixStream>,
) -> Option<(Exit, [String; 3])> {
    let mut launched = match launched {
        Err(error @ StartError::Sandbox { .. }) => {
            assert!(error.hint().unwrap().contains("user namespaces"));
            eprintln!("gap: {error:?}");
            return None;
        }
        launched => launched.unwrap(),
    };
    let mut said = [(); 3].map(|()| String::new());
    if let Some(mut connection) = connection {
        connection.read_to_string(&mut said[0]).unwrap();
    }
    let [stdout, stderr] = [launched.output.stdout, launched.output.stderr].map(File::from);
    for (mut pipe, text) in [stdout, stderr].into_iter().zip(&mut said[1..]) {
        pipe.read_to_string(text).unwrap();
    }
    let late = Instant::now() + Duration::from_secs(60);
    let exit = launched.running.wait(late).unwrap().expect("it ends");
    Some((exit, said))
}

#[test]
fn a_script_runs_from_a_copy_that_nobody_can_change() {
    play("script", SandboxLevel::ALL);
}

fn script(level: SandboxLevel) {
    let mut plugin = Plugin::new(
        level,
        "script: main.py, interpreter: python3, arguments: [quietly]",
    );
    plugin.file("main.py", SCRIPT);
    plugin.file("inner/helper.py", "WORD = 'verified'\n");
    plugin.file("inner/data.txt", "data");
    plugin
        .terms
        .environment
        .insert("COLOUR".into(), "blue".into());
    let image = plugin.image().unwrap();
    // It is too late for this.
    plugin.file("inner/helper.py", "WORD = 'other'\n");
    let copies = plugin.base.path().join("copies");
    for _ in 0..2 {
        let (ours, theirs) = pair();
        let launched = image.launch(&plugin.terms, 0, theirs, Vec::new());
        let Some((exit, [said, stdout, stderr])) = finish(launched, Some(ours)) else {
            return;
        };
        assert!(exit.is_success(), "{exit}: {stdout}{stderr}");
        assert_eq!(said, "verified data quietly");
        let expected = "COLOUR LANG LINKSPAN_PLUGIN_DIR LINKSPAN_PLUGIN_FD";
        assert_eq!(stdout.trim(), expected);
    }
    let count = || fs::read_dir(&copies).unwrap().count();
    assert_eq!(count(), 2, "a lock, and the directory of this process");
    drop(image);
    assert_eq!(count(), 1);
}

const SCRIPT: &str = r#"
import os, socket, sys
from inner import helper
own = os.environ["LINKSPAN_PLUGIN_DIR"]
assert __name__ == "__main__" and __file__ == own + "/main.py", __file__
assert sys.flags.ignore_environment and sys.flags.no_user_site and sys.flags.dont_write_bytecode
try:
    if os.getuid() != os.stat(own).st_uid:
        open(own + "/main.py", "a")
        raise SystemExit("its own files can be changed")
except OSError:
    pass
with open(own + "/inner/data.txt") as file:
    data = file.read()
connection = socket.socket(fileno=int(os.environ["LINKSPAN_PLUGIN_FD"]))
connection.sendall(f"{helper.WORD} {data} {sys.argv[1]}".encode())
print(*sorted(name for name in os.environ if name != "LC_CTYPE"))
"#;

#[test]
fn a_program_runs_from_memory_with_what_it_was_given() {
    play("program", SandboxLevel::ALL);
}

fn program(level: SandboxLevel) {
    let mut plugin = Plugin::shell(
        level,
        "test ! -e main && cat <&4 >&3 && cat \"$LINKSPAN_PLUGIN_DIR/data.txt\" && echo $0",
    );
    plugin.file("data.txt", "data beside ");
    let further = Inherited::new(4, |instance| {
        let (mut ours, theirs) = UnixStream::pair()?;
        write!(ours, "instance {instance}")?;
        Ok(theirs.into())
    });
    plugin.terms.descriptors = vec![further];
    let image = plugin.image().unwrap();
    plugin.file("shell", "something else");
    let (ours, theirs) = pair();
    let launched = image.launch(&plugin.terms, 7, theirs, Vec::new());
    let Some((exit, [said, stdout, stderr])) = finish(launched, Some(ours)) else {
        return;
    };
    assert!(exit.is_success(), "{exit}: {stderr}");
    assert_eq!(said, "instance 7");
    assert_eq!(stdout, "data beside tried\n");
}

#[test]
fn it_reads_and_writes_where_that_was_granted_and_nowhere_else() {
    play("grants", &[SandboxLevel::Basic, SandboxLevel::Strict]);
}

fn grants(level: SandboxLevel) {
    let script = "for file in read/file written/new hidden/file; do \
                  (cat $BASE/$file; echo > $BASE/$file && echo wrote $file); done";
    let mut plugin = Plugin::shell(level, script);
    let base = plugin.base.path();
    for (name, mode) in [("read", 0o755), ("written", 0o777), ("hidden", 0o777)] {
        let directory = base.join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("file"), format!("{name}\n")).unwrap();
        fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
    }
    let show = base.display().to_string();
    plugin.terms.grants = vec![
        format!("fs.read:{show}/read").parse().unwrap(),
        format!("fs.write:{show}/written").parse().unwrap(),
        "bus.publish:tried/#".parse().unwrap(),
    ];
    plugin.terms.environment.insert("BASE".into(), show.clone());
    let Some((_, [_, stdout, _])) = plugin.run() else {
        return;
    };
    assert_eq!(stdout, "read\nwrote written/new\n");

    plugin.terms.grants = vec![format!("fs.read:{show}").parse().unwrap()];
    let error = plugin
        .image()
        .unwrap()
        .launch(&plugin.terms, 0, pair().1, Vec::new());
    let error = error.unwrap_err();
    assert!(matches!(error, StartError::Grant { .. }), "{error:?}");
}

#[test]
fn it_sees_processes_of_the_machine_if_that_was_granted() {
    play("processes", &[SandboxLevel::Basic, SandboxLevel::Strict]);
}

fn processes(level: SandboxLevel) {
    // This process is none of its own.
    let script = "test -r /proc/self/stat || echo nothing; cat /proc/$HOST/comm";
    let mut plugin = Plugin::shell(level, script);
    let host = std::process::id().to_string();
    plugin.terms.environment.insert("HOST".into(), host);
    let Some((exit, [_, stdout, _])) = plugin.run() else {
        return;
    };
    assert!(!exit.is_success(), "{stdout}");
    plugin.terms.grants = vec!["host.processes".parse().unwrap()];
    let (exit, [_, stdout, stderr]) = plugin.run().unwrap();
    assert!(exit.is_success(), "{stderr}");
    let own = fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(stdout, own);
}

#[test]
fn what_was_changed_since_it_was_verified_does_not_run() {
    let plugin = Plugin::shell(SandboxLevel::None, "true");
    plugin.file("data.txt", "data");
    let verified = plugin.verified();
    plugin.file("data.txt", "date");
    let refused = Image::prepare(&verified, &plugin.copies()).unwrap_err();
    assert!(
        refused.to_string().starts_with("data.txt was changed"),
        "{refused}"
    );
    assert!(refused.hint().unwrap().contains("plugin pin"));
}

#[test]
fn why_a_program_cannot_run_is_found() {
    play("diagnoses", SandboxLevel::ALL);
}

fn diagnoses(level: SandboxLevel) {
    let own = fs::read("/bin/true").unwrap();
    let loader = find(&own, b"/ld-linux").map(|place| {
        let mut other = own.clone();
        other[place..place + 9].copy_from_slice(b"/ld-other");
        (other, "is loaded by")
    });
    let mut foreign = own.clone();
    foreign[18] ^= 1;
    let cases = [
        (
            b"#!/bin/sh\necho\n".to_vec(),
            "it is a script that begins with \"#!/bin/sh\"",
        ),
        (foreign, "it is for machine"),
        (b"hello".to_vec(), "not a program"),
    ];
    for (program, words) in cases.into_iter().chain(loader) {
        let plugin = Plugin::new(level, "binary: main");
        plugin.file("main", &program);
        match plugin
            .image()
            .unwrap()
            .launch(&plugin.terms, 0, pair().1, Vec::new())
        {
            Err(StartError::Sandbox { .. }) => return,
            Err(error @ StartError::Program { .. }) => {
                let text = error.to_string();
                assert!(text.contains(words), "{text}");
                assert!(error.hint().is_some());
            }
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn why_it_ended_before_it_was_ready_is_found_in_what_it_said() {
    let mut needy = fs::read("/bin/true").unwrap();
    let Some(place) = find(&needy, b"libc.so.6") else {
        eprintln!("gap: /bin/true has no libraries");
        return;
    };
    needy[place..place + 9].copy_from_slice(b"libq.so.6");
    let plugin = Plugin::new(SandboxLevel::None, "binary: main");
    plugin.file("main", &needy);
    let (exit, [_, _, stderr]) = plugin.run().unwrap();
    let lines = stderr.lines().map(str::to_owned).collect();
    let text = StartError::ended(exit, lines).to_string();
    assert!(text.contains("needs the library \"libq.so.6\""), "{text}");
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[test]
fn what_a_killed_host_left_is_removed_by_the_next() {
    let plugin = Plugin::new(SandboxLevel::None, "script: main.py, interpreter: python3");
    plugin.file("main.py", "");
    plugin.file("plugin.yaml", &plugin.manifest);
    let entries = || {
        let mut names: Vec<_> = fs::read_dir(plugin.base.path().join("copies"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "lock")
            .collect();
        names.sort();
        names
    };
    let mut host = command("holds", plugin.base.path().to_str().unwrap());
    let mut host = host.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(host.stdout.take().unwrap());
    while !line.contains("holding") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        assert!(read > 0, "it ended");
    }
    let present = entries();
    assert_eq!(present.len(), 1);
    drop(plugin.copies());
    assert_eq!(entries(), present, "its host lives");
    host.kill().unwrap();
    host.wait().unwrap();
    let image = plugin.image().unwrap();
    assert_eq!(entries().len(), 1);
    assert_ne!(entries(), present);
    drop(image);
    assert_eq!(entries(), Vec::<String>::new());
}

/// Has a copy of a plugin's files until it is killed.
fn hold(base: &Path) {
    let verified = Verified::open(&base.join("folder"), &unpinned()).unwrap();
    let copies = Copies::open(Some(&base.join("copies"))).unwrap();
    let image = Image::prepare(&verified, &copies).unwrap();
    println!("\nholding");
    std::thread::sleep(Duration::from_secs(600));
    drop(image);
}

/// Has hosts do something: of each kind of user, at each level.
fn play(scenario: &str, levels: &[SandboxLevel]) {
    let is_root = os::own_credentials().uid() == Some(0);
    let users = if is_root {
        &[None, Some(NOBODY)][..]
    } else {
        &[None]
    };
    for user in users {
        for level in levels {
            let mut host = command(scenario, level.name());
            if let Some(uid) = user {
                host.uid(*uid).gid(*uid);
            }
            let output = host.output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(output.status.success(), "{level:?} as {user:?}:\n{text}");
            for gap in text.lines().filter(|line| line.starts_with("gap: ")) {
                println!("{gap}");
            }
        }
    }
}

/// What a host does at a level, by its name.
type Scenario = (&'static str, fn(SandboxLevel));

/// This test program as a host that does one thing.
fn command(scenario: &str, argument: &str) -> Command {
    let mut command = Command::new(readable_program());
    command
        .args([
            "--exact",
            "plugin::host::launch::tests::as_host",
            "--nocapture",
        ])
        .env(SCENARIO, format!("{scenario} {argument}"))
        .env_remove("XDG_RUNTIME_DIR")
        .current_dir("/");
    command
}

#[test]
fn as_host() {
    let Ok(text) = env::var(SCENARIO) else {
        return;
    };
    let (scenario, argument) = text.split_once(' ').unwrap();
    if scenario == "holds" {
        return hold(Path::new(argument));
    }
    let scenarios: [Scenario; 5] = [
        ("script", script),
        ("program", program),
        ("grants", grants),
        ("processes", processes),
        ("diagnoses", diagnoses),
    ];
    let play = scenarios.iter().find(|(name, _)| *name == scenario);
    let mut levels = SandboxLevel::ALL.iter();
    let level = levels.find(|level| level.name() == argument);
    (play.unwrap().1)(*level.unwrap());
}

/// This program where everybody can start it: a copy, if it is in a directory that is not for all.
fn readable_program() -> PathBuf {
    let own = env::current_exe().unwrap();
    let is_open = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o5 == 0o5;
    if own.ancestors().all(is_open) {
        return own;
    }
    let copy = env::temp_dir().join(format!("linkspan-launch-{}", std::process::id()));
    if !copy.exists() {
        fs::copy(&own, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    }
    copy
}

const SCENARIO: &str = "LINKSPAN_TEST_SCENARIO";
const NOBODY: u32 = 65_534;
