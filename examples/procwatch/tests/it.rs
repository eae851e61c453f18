//! procwatch as users have it: a real daemon, its plugin in a real sandbox, and real processes, for
//! whoever runs this and, if that is root, for nobody.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use linkspan::plugin::host::{HostConfig, PluginHost};
use linkspan::plugin::{Pins, Restart};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn a_process_that_starts_and_fits_a_rule_is_told() {
    for place in places() {
        let sleeper = place.sleeper("pw-alert");
        let mut alerts = place.watch(&["--rule", "name=pw-alert,memory>0"]);
        place.until_rules(1);
        let mut events = place.watch(&[]);
        let mut process = Command::new(&sleeper).arg("600").spawn().unwrap();
        let pid = u64::from(process.id());

        let alert = alerts.until(|event| event["process"]["pid"] == pid);
        assert_eq!(alert["kind"], "alert");
        assert_eq!(alert["process"]["name"], "pw-alert");
        assert_eq!(alert["process"]["parent"], std::process::id());
        assert_eq!(alert["rule"], "name=pw-alert,memory>0");

        process.kill().unwrap();
        process.wait().unwrap();
        let ended = |event: &Value| event["kind"] == "ended" && event["process"]["pid"] == pid;
        assert_eq!(events.until(ended)["process"]["name"], "pw-alert");

        let listed = place.ok(&["top", "--json", "-n", "100000"]);
        let own = format!("\"pid\":{},", std::process::id());
        assert!(listed.contains(&own), "{listed}");
    }
}

#[test]
fn processes_that_fit_already_are_told_at_once() {
    let place = Place::new(None);
    let mut process = Command::new(place.sleeper("pw-already"))
        .arg("600")
        .spawn()
        .unwrap();
    let told = place.ok(&["watch", "--rule", "name=pw-already", "--count", "1"]);
    let expected = format!("pw-already ({}) fits name=pw-already: ", process.id());
    assert!(told.contains(&expected), "{told}");
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn an_interrupt_ends_the_watch_and_not_the_daemon() {
    let place = Place::new(None);
    let watch = place.watch(&["--rule", "name=pw-nobody"]);
    place.until_rules(1);
    let before = place.status();
    let ended = watch.interrupt();
    assert_eq!(
        ended.status.signal(),
        Some(Signal::INT.as_raw()),
        "{ended:?}"
    );
    place.until_rules(0);
    assert_eq!(pids(&place.status()), pids(&before));
}

#[test]
fn a_daemon_that_is_killed_leaves_no_plugin() {
    for place in places() {
        let watch = place.watch(&["--rule", "name=pw-nobody"]);
        place.until_rules(1);
        let before = place.status();
        kill(&before["pid"], Signal::KILL);
        let pids = pids(&before);
        until("daemon and collector are gone", || {
            !pids.iter().any(is_alive)
        });
        assert_eq!(watch.end().status.code(), Some(125));

        let after = place.status();
        assert_ne!(after["pid"], before["pid"]);
        assert_eq!(after["collector"]["state"], "running");
    }
}

#[test]
fn a_collector_that_is_killed_is_started_again_with_its_tasks() {
    let place = Place::new(None);
    let sleeper = place.sleeper("pw-again");
    let mut alerts = place.watch(&["--rule", "name=pw-again"]);
    place.until_rules(1);
    let before = place.status();
    kill(&before["collector"]["process"]["pid"], Signal::KILL);
    until("there is another collector", || {
        let now = place.run(&["status", "--json"]);
        let now: Value = serde_json::from_slice(&now.stdout).unwrap_or_default();
        let is_up = now["collector"]["process"]["ready"] == true;
        is_up && now["collector"]["restarts"] == 1
    });
    let mut process = Command::new(sleeper).arg("600").spawn().unwrap();
    let pid = u64::from(process.id());
    alerts.until(|event| event["process"]["pid"] == pid);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_daemon_that_is_stopped_leaves_nothing() {
    for place in places() {
        let status = place.status();
        assert_eq!(status["collector"]["process"]["level"], "strict");
        place.ok(&["--daemon", "stop"]);
        for pid in pids(&status) {
            until("it is gone", || !is_alive(&pid));
        }
        assert_eq!(names(&place.path("tmp")), [""; 0]);
        // What the next daemon wants to know of this one, and people of both.
        let daemons = place.path("run/linkspan/daemons");
        let own = daemons.join(names(&daemons).first().unwrap());
        let left: Vec<_> = names(&own)
            .into_iter()
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        assert_eq!(left, ["daemon.json", "log"]);
        assert_eq!(names(&place.path("run/linkspan")), ["daemons"]);
    }
}

#[test]
fn wrong_usage_and_help_need_no_daemon() {
    let place = Place::new(None);
    let wrong = place.run(&["watch", "--rule", "pid=1"]);
    assert_eq!(wrong.status.code(), Some(2));
    let complaint = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        complaint.contains("name=PART, cpu>PERCENT and memory>MIB"),
        "{complaint}"
    );
    assert!(
        place
            .ok(&["--help"])
            .contains("Watch the processes of this machine")
    );
    assert_eq!(names(&place.path("run")), [""; 0]);
}

#[tokio::test]
async fn what_the_collector_is_granted_is_the_process_table_and_nothing_else() {
    let place = Place::new(None);
    let (own, secret) = (std::process::id(), place.path("secret"));
    fs::write(&secret, "nobody's business").unwrap();
    let secret = secret.display();
    // A shell in the collector's place says what it can open.
    let script = format!(
        "for file in /proc/{own}/stat /proc/1/status /etc/passwd {secret} /proc/{own}/environ \
         /proc/{own}/mem /proc/{own}/root/etc/passwd /proc/sys/kernel/hostname; do \
         true < $file && echo opened $file >&2; done; exit 3"
    );
    let entry = format!("entry = {{ binary = \"sh\", arguments = [\"-c\", {script:?}] }}");
    let manifest =
        procwatch::MANIFEST.replace("entry = { binary = \"procwatch-collector\" }", &entry);
    assert!(manifest.contains(&entry));
    fs::copy("/bin/sh", place.path("tmp/sh")).unwrap();
    fs::write(place.path("tmp/plugin.toml"), manifest).unwrap();

    let mut terms = procwatch::terms().unwrap();
    let mut once = Restart::default();
    once.max_crashes = 1;
    terms.restart = Some(once);
    let mut config = HostConfig::default();
    config.plugins.pins = Pins::Optional;
    config.copies = Some(place.path("copies"));
    let host = PluginHost::new(config);
    let plugin = host.load(place.path("tmp"), terms).await.unwrap();
    let error = plugin.start().await.unwrap_err();
    let said = error.last_words().join("\n");
    let opened: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("opened "))
        .collect();
    let table = [format!("/proc/{own}/stat"), "/proc/1/status".to_owned()];
    assert_eq!(opened, table, "{error}: {said}");
}

/// A place for whoever runs this, and one for nobody if that is root.
fn places() -> Vec<Place> {
    let mut places = vec![Place::new(None)];
    if rustix::process::geteuid().is_root() {
        places.push(Place::new(Some(NOBODY)));
    }
    places
}

/// A place where procwatch is installed, with daemons of its own.
struct Place {
    base: tempfile::TempDir,
    user: Option<u32>,
}

impl Place {
    fn new(user: Option<u32>) -> Self {
        let base = tempfile::tempdir().unwrap();
        // So that nobody gets there.
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        let place = Self { base, user };
        for name in ["bin", "run", "tmp"] {
            let path = place.path(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
            chown(&path, user, user).unwrap();
        }
        for program in [
            env!("CARGO_BIN_EXE_procwatch"),
            env!("CARGO_BIN_EXE_procwatch-collector"),
        ] {
            let name = Path::new(program).file_name().unwrap();
            let installed = place.path("bin").join(name);
            fs::copy(program, &installed).unwrap();
            chown(&installed, user, user).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// A program that sleeps, under another name.
    fn sleeper(&self, name: &str) -> PathBuf {
        let path = self.base.path().join(name);
        fs::copy("/bin/sleep", &path).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/procwatch"));
        command.args(arguments).env_clear().current_dir("/");
        command.env("XDG_RUNTIME_DIR", self.path("run"));
        command.env("TMPDIR", self.path("tmp"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that succeeds.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ok(&["status", "--json"])).unwrap()
    }

    fn until_rules(&self, count: usize) {
        until("there are so many rules", || {
            self.ok(&["rules"]).lines().count() == count
        });
    }

    fn watch(&self, arguments: &[&str]) -> Watch {
        let mut command = self.command(&["watch", "--json"]);
        let mut process = command.args(arguments).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap();
                sender.send(event).ok();
            }
        });
        Watch { process, events }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run(&["--daemon", "stop", "--now"]);
    }
}

/// A `procwatch watch` that runs.
struct Watch {
    process: Child,
    events: Receiver<Value>,
}

impl Watch {
    /// The next event that is meant.
    fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event: Value = self.events.recv_timeout(left).unwrap();
            if is_meant(&event) {
                return event;
            }
        }
    }

    fn interrupt(self) -> Output {
        kill(&self.process.id().into(), Signal::INT);
        self.end()
    }

    fn end(self) -> Output {
        self.process.wait_with_output().unwrap()
    }
}

/// Of the daemon, and of its collector.
fn pids(status: &Value) -> [u64; 2] {
    ["/pid", "/collector/process/pid"].map(|path| status.pointer(path).unwrap().as_u64().unwrap())
}

/// Whether a process runs; one that has ended may stay for who ought to wait for it.
fn is_alive(pid: &u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !(state.is_empty() || state.starts_with(['Z', 'X']))
}

fn kill(pid: &Value, signal: Signal) {
    let pid = i32::try_from(pid.as_u64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// What there is in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const NOBODY: u32 = 65_534;
