//! ^C and its relatives reach the command, and not the daemon.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use linkspan_test::wait::PATIENCE;

use super::bed::{Bed, example, find, shown, signal, text, wait_end};

#[test]
fn an_interrupt_on_the_terminal_ends_the_command_and_not_the_daemon_it_started() {
    let bed = Bed::new();
    // The group is what a terminal sends ^C to; this client is the one that starts the daemon.
    let mut client = bed
        .command(["sleep", "60"])
        .process_group(0)
        .spawn()
        .unwrap();
    let _output = started(&mut client);
    let daemon = bed.pid();
    signal("INT", &format!("-{}", client.id()));
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2), "{}", shown(&output));
    assert_eq!(bed.pid(), daemon);
    let status = text(&bed.run(["--daemon", "status"]).stdout);
    assert!(status.contains("\n0 commands run"), "{status}");
}

#[test]
fn other_signals_to_end_are_handed_on_and_seen_by_the_shell() {
    let bed = Bed::new();
    for (name, number) in [("TERM", 15), ("HUP", 1)] {
        let mut client = bed.start(["sleep", "60"]);
        let _output = started(&mut client);
        signal(name, &client.id().to_string());
        let output = client.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(number), "{}", shown(&output));
    }
}

#[test]
fn a_signal_that_the_client_was_started_to_ignore_is_ignored() {
    let bed = Bed::new();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" sleep 0.5"])
        .arg(example("daemon").get_program())
        .env("XDG_RUNTIME_DIR", bed.runtime.path())
        .env_remove("RUNTIME_DIRECTORY")
        .stdout(Stdio::piped());
    let mut client = command.spawn().unwrap();
    let _output = started(&mut client);
    signal("HUP", &client.id().to_string());
    assert!(client.wait().unwrap().success());
}

#[test]
fn a_daemon_that_is_told_to_end_finishes_its_commands() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    let mut client = bed.start(["sleep", "1"]);
    let _output = started(&mut client);
    signal("TERM", &daemon.pid().to_string());
    // The place is free while the old one still works.
    assert_ne!(bed.pid(), daemon.pid());
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    wait_end(daemon);
}

#[test]
fn a_second_interrupt_ends_the_client_whatever_the_daemon_does() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    let mut client = bed.start(["sleep", "60"]);
    let mut output = started(&mut client);
    signal("STOP", &daemon.pid().to_string());
    signal("INT", &client.id().to_string());
    // The daemon hears nothing of it. Two that come at once count as one, so it is said until heard.
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match client.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(Instant::now() < deadline, "it does not end"),
        }
        signal("INT", &client.id().to_string());
    };
    assert_eq!(status.signal(), Some(2));
    signal("CONT", &daemon.pid().to_string());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut output, &mut rest).unwrap();
    assert_eq!(bed.pid(), daemon.pid());
}

#[test]
fn a_daemon_that_dies_under_a_command_is_told_as_lost() {
    let bed = Bed::new();
    let daemon = find(bed.pid());
    let mut client = bed.start(["sleep", "60"]);
    let _output = started(&mut client);
    daemon.kill().unwrap();
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", shown(&output));
    let said = text(&output.stderr);
    let expected = "daemon: daemon: the daemon was lost while it ran the command: ";
    assert!(
        said.starts_with(expected) && said.lines().count() == 1,
        "{said}"
    );
}

/// Waits until the command prints something.
fn started(client: &mut Child) -> BufReader<ChildStdout> {
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "sleeping\n");
    output
}
