//! Two builds of one program, used in turn.

use std::io::{BufRead, BufReader, Read};

use super::bed::{Bed, find, scaled, shown, text, wait_end};

#[test]
fn a_rebuilt_program_has_a_new_daemon_at_once_and_loses_no_command() {
    let bed = Bed::new();
    let run = |build: &str, arguments: &[&str]| {
        let mut command = bed.command(arguments);
        command.env("DAEMON_EXAMPLE_BUILD", build);
        command
    };
    let pid_of = |build: &str| super::bed::pid(&run(build, &["pid"]).output().unwrap());
    let mut last = find(pid_of("b0"));
    for round in 1..=scaled(10, 100) {
        let (old, new) = (format!("b{}", (round + 1) % 2), format!("b{}", round % 2));
        let mut working = run(&old, &["sleep", "0.5"]).spawn().unwrap();
        let mut output = BufReader::new(working.stdout.take().unwrap());
        let mut said = String::new();
        output.read_line(&mut said).unwrap();

        let next = find(pid_of(&new));
        assert_ne!(next.pid(), last.pid());
        assert_eq!(pid_of(&new), next.pid(), "it stays");

        output.read_to_string(&mut said).unwrap();
        let ended = working.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", shown(&ended));
        let is_whole = said.lines().all(|line| line == "sleeping") && said.ends_with('\n');
        assert!(is_whole, "round {round}: {said}");
        wait_end(last);
        last = next;
    }
    let log = text(&run("b0", &["--daemon", "logs"]).output().unwrap().stdout);
    assert!(log.contains("started: new build after b1"), "{log}");
}

#[test]
fn status_names_those_that_only_finish_their_commands() {
    let bed = Bed::new();
    let old = bed.pid();
    let mut working = bed.start(["sleep", "60"]);
    let mut line = String::new();
    let mut output = BufReader::new(working.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let restarted = bed.run(["--daemon", "restart"]);
    assert!(restarted.status.success(), "{}", shown(&restarted));
    let status = bed.run(["--daemon", "status"]);
    let finishing = format!("process {old} finishes its commands");
    assert!(
        text(&status.stdout).contains(&finishing),
        "{}",
        shown(&status)
    );
    working.kill().unwrap();
    working.wait().unwrap();
    wait_end(find_or_gone(old));
    let status = text(&bed.run(["--daemon", "status"]).stdout);
    assert!(!status.contains("finishes"), "{status}");
}

fn find_or_gone(pid: u32) -> os::Process {
    let gone = os::Process::from_parts(pid, Some(0), os::Process::own().boot_id());
    os::Process::find(pid).unwrap().unwrap_or(gone)
}
