//! Commands that nobody waits for any more, and those that do not care.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use super::bed::{Bed, CONFIG, find, note, shown, text, wait_end, wait_until};

/// The promise.
const PROMPT: Duration = Duration::from_millis(50);
const TRIES: usize = 9;

#[test]
fn the_token_of_a_silent_handler_fires_promptly() {
    let bed = Bed::new();
    bed.pid();
    for (signal, cause) in [
        (Signal::KILL, "Disconnected"),
        (Signal::INT, "Client(Interrupt)"),
        (Signal::TERM, "Client(Terminate)"),
        (Signal::HUP, "Client(Hangup)"),
    ] {
        let mut took: Vec<_> = (0..TRIES).map(|_| reaction(&bed, signal, cause)).collect();
        took.sort_unstable();
        let median = *took.get(TRIES / 2).unwrap();
        note(&format!(
            "{signal:?}: median {median:?}, worst {:?}",
            took.last()
        ));
        assert!(median < PROMPT, "{signal:?}: {took:?}");
    }
}

/// How long after a signal to the client the handler, which neither reads nor writes, knows of it.
fn reaction(bed: &Bed, signal: Signal, cause: &str) -> Duration {
    let file = bed.runtime.path().join("fired");
    fs::remove_file(&file).ok();
    let mut client = bed.start(["watch", file.to_str().unwrap()]);
    expect_line(&mut client, "watching");
    let began = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let pid = Pid::from_raw(client.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    client.wait().unwrap();
    let said = whole_line(&file);
    let (at, why) = said.trim_end().split_once(' ').unwrap();
    assert_eq!(why, cause);
    Duration::from_nanos(at.parse().unwrap()).saturating_sub(began)
}

/// Waits until a file has a line.
fn whole_line(file: &Path) -> String {
    let read = || fs::read_to_string(file).unwrap_or_default();
    wait_until("it fires", || read().ends_with('\n'));
    read()
}

#[test]
fn a_handler_that_ignores_its_token_is_cut_off_and_that_is_reported() {
    let bed = Bed::new();
    let config = r#"{ "cancel_grace": "300ms" }"#;
    let daemon = super::bed::pid(&bed.command(["pid"]).env(CONFIG, config).output().unwrap());
    let mut client = bed.start(["ignore"]);
    expect_line(&mut client, "ignoring");
    super::bed::signal("INT", &client.id().to_string());
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    assert_eq!(
        text(&output.stderr),
        "daemon: daemon: the command was cut off: the command did not end within 300ms after it was cancelled\n"
    );

    let mut client = bed.start(["ignore"]);
    expect_line(&mut client, "ignoring");
    client.kill().unwrap();
    client.wait().unwrap();
    bed.wait_running(0);
    assert_eq!(bed.pid(), daemon);
    // Nobody was there to be told of the second one.
    let status = text(&bed.run(["--daemon", "status"]).stdout);
    assert!(
        status.contains("2 commands did not end when cancelled"),
        "{status}"
    );
}

#[test]
fn a_daemon_with_a_handler_that_blocks_is_replaced() {
    let bed = Bed::new();
    let config = r#"{ "cancel_grace": "100ms", "drain_timeout": "1s" }"#;
    let with_config = |words: &[&str]| {
        let mut command = bed.command(words);
        command.env(CONFIG, config);
        command
    };
    let daemon = find(super::bed::pid(&with_config(&["pid"]).output().unwrap()));
    let mut client = with_config(&["block", "600"]).spawn().unwrap();
    expect_line(&mut client, "blocking");
    super::bed::signal("INT", &client.id().to_string());
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    assert!(
        text(&output.stderr).contains("was cut off"),
        "{}",
        shown(&output)
    );
    // It ends though its thread does not.
    wait_end(daemon);
    assert_ne!(bed.pid(), daemon.pid());
    let log = text(&bed.run(["--daemon", "logs"]).stdout);
    assert!(log.contains("ends: Stuck"), "{log}");
    assert!(log.contains("1 stuck"), "{log}");
}

#[track_caller]
fn expect_line(client: &mut Child, expected: &str) {
    let mut line = String::new();
    let output = client.stdout.as_mut().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), expected);
}
