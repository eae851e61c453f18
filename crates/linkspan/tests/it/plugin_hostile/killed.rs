//! Hosts that are killed while they work, and what is left of them and of their plugins: nothing.
//!
//! Every process of a plugin inherits one end of a pipe, whose other end the test reads: it comes to its
//! end when the last one of them has.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use linkspan::plugin::host::{HostConfig, Inherited, Plugin, PluginHost, Terms};
use linkspan::plugin::{Pins, SandboxLevel};
use linkspan_test::wait;

use super::place::{Part, Place, User};

super::for_each_level_and_user! { kill:
    nothing_outlives_a_killed_host_without_a_sandbox: None, Own;
    nothing_outlives_a_killed_host_at_basic: Basic, Own;
    nothing_outlives_a_killed_host_at_strict: Strict, Own;
    nothing_outlives_a_killed_host_of_nobody_without_a_sandbox: None, Nobody;
    nothing_outlives_a_killed_host_of_nobody_at_basic: Basic, Nobody;
    nothing_outlives_a_killed_host_of_nobody_at_strict: Strict, Nobody;
}

/// Kills a host over and over; the last one is not killed, and leaves nothing of the others either.
fn kill(level: SandboxLevel, user: User) {
    let Some(place) = Place::new(user) else {
        return;
    };
    place.add_script("busy", SCRIPT);
    let mut longest = Duration::ZERO;
    for round in 0..rounds() {
        let Some(elapsed) = kill_once(&place, level, round) else {
            return;
        };
        longest = longest.max(elapsed);
    }
    println!("all was gone within {longest:?}");
    let output = place.host(Part::Clean, level).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("clean"), "{text}");
    let left = files(&place.path().join("home"));
    assert!(left.is_empty(), "{left:?}");
}

/// How long it takes until nothing is left of a host that is killed in one of its phases; none, with a
/// note, where it cannot work.
fn kill_once(place: &Place, level: SandboxLevel, round: usize) -> Option<Duration> {
    let mut host = place.host(Part::Killed, level);
    let mut host = host.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(host.stdout.take().unwrap());
    let phase = PHASES.get(round % PHASES.len()).unwrap();
    let mut line = String::new();
    while !line.contains(phase) {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "{phase}");
        if line.contains("gap: ") {
            println!("{line}");
            host.kill().unwrap();
            host.wait().unwrap();
            return None;
        }
    }
    thread::sleep(chosen());
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = Instant::now();
    let (sender, end) = mpsc::channel();
    thread::spawn(move || sender.send(output.read_to_end(&mut Vec::new()).is_ok()));
    let is_gone = end.recv_timeout(SOON);
    assert_eq!(is_gone, Ok(true), "{phase} in round {round}");
    Some(killed.elapsed())
}

/// A time in which a phase comes about as far as any.
fn chosen() -> Duration {
    let random = u64::from_le_bytes(os::random_bytes().unwrap());
    Duration::from_micros(random % 100_000)
}

/// A fifth of those that `cargo xtask race` asks for: 200, if nothing else is said.
fn rounds() -> usize {
    let Ok(rounds) = std::env::var("LINKSPAN_RACE_ROUNDS") else {
        return 2 * PHASES.len();
    };
    rounds.parse::<usize>().unwrap().div_ceil(5)
}

/// What is in a directory, but for locks, which are never removed.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name().as_encoded_bytes().starts_with(b"host-") => {
                found.push(entry.path().display().to_string());
            }
            true => found.extend(files(&entry.path())),
            false if entry.file_name() == "lock" => {}
            false => found.push(entry.path().display().to_string()),
        }
    }
    found
}

/// The host: has its plugin do all that can be done with it, until it is killed.
pub(super) async fn work(level: SandboxLevel, base: &Path) {
    let (_host, plugin) = load(level, base).await;
    loop {
        println!("{}", PHASES[0]);
        if !start(&plugin).await {
            return;
        }
        println!("{}", PHASES[1]);
        breed(&plugin).await;
        println!("{}", PHASES[2]);
        wait::within("a reload", plugin.reload()).await.unwrap();
        breed(&plugin).await;
        println!("{}", PHASES[3]);
        wait::within("a stop", plugin.stop()).await;
    }
}

/// The host that comes after all that were killed.
pub(super) async fn work_once(level: SandboxLevel, base: &Path) {
    let (host, plugin) = load(level, base).await;
    assert!(start(&plugin).await);
    breed(&plugin).await;
    assert_eq!(plugin.status().restarts, 0);
    wait::within("the host's stop", host.stop()).await;
    drop(plugin);
    println!("clean");
}

async fn load(level: SandboxLevel, base: &Path) -> (PluginHost, Plugin) {
    let mut config = HostConfig::default();
    config.plugins.pins = Pins::Optional;
    config.copies = Some(base.join("home/copies"));
    let host = PluginHost::new(config);
    let mut terms = Terms::default();
    terms.sandbox = level;
    terms.start_timeout = wait::PATIENCE;
    // The pipe that the test reads.
    let witness = |_| std::io::stdout().as_fd().try_clone_to_owned();
    terms.descriptors = vec![Inherited::new(4, witness)];
    let plugin = host.load(base.join("plugins/busy"), terms).await;
    (host, plugin.unwrap())
}

/// Starts it; not, with a note, where nobody can be confined that far.
async fn start(plugin: &Plugin) -> bool {
    match wait::within("a start", plugin.start()).await {
        Ok(()) => true,
        Err(error) => {
            let text = format!("{error:?}");
            assert!(text.contains("Unavailable"), "{text}");
            println!("gap: {text}");
            false
        }
    }
}

async fn breed(plugin: &Plugin) {
    let call = plugin.send_request::<()>("busy.breed", &());
    wait::within("an answer", call).await.unwrap();
}

const PHASES: [&str; 4] = ["it starts", "it works", "it is reloaded", "it is stopped"];

/// Starts processes in sessions of their own, whose parents have ended, and that ignore what they can.
const SCRIPT: &str = r#"
import subprocess
from linkspan_plugin import Plugin
plugin = Plugin('busy', version='1.0')
sleep = "trap '' HUP INT TERM; /usr/bin/sleep 900 & exec /usr/bin/sleep 900"
detached = f'(setsid sh -c "{sleep}" &) </dev/null >/dev/null 2>&1'

@plugin.method
def breed() -> None:
    subprocess.run(['/bin/sh', '-c', f'{detached}; {detached}'], close_fds=False, check=True)

plugin.run()
"#;

/// A second, and more on a loaded machine.
const SOON: Duration = Duration::from_secs(5);
