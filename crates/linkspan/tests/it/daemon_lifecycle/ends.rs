//! Daemons that end by themselves.

use std::process::Command;

use super::bed::{Bed, CONFIG, example, find, pid, shown, text, wait_end};

#[test]
fn an_idle_daemon_ends_and_the_next_command_starts_another() {
    let bed = Bed::new();
    let run = |words: &[&str]| {
        let mut command = bed.command(words);
        command.env(CONFIG, r#"{ "idle_exit": "300ms" }"#);
        command.output().unwrap()
    };
    let daemon = find(pid(&run(&["pid"])));
    wait_end(daemon);
    assert!(!bed.place().join("socket").exists());

    // One that works is not idle, however long it takes.
    let worked = run(&["sleep", "1", "-v"]);
    assert!(worked.status.success(), "{}", shown(&worked));
    assert!(
        text(&worked.stderr).contains("after a stop"),
        "{}",
        shown(&worked)
    );
    let log = text(&run(&["--daemon", "logs"]).stdout);
    assert!(
        log.contains(&format!("[{}]: ends: Idle", daemon.pid())),
        "{log}"
    );
}

#[test]
fn a_daemon_whose_program_is_gone_finishes_its_commands_and_ends() {
    let bed = Bed::new();
    let program = bed.runtime.path().join("program");
    // By another process: what this one writes could not be run while it forks.
    let copied = Command::new("cp")
        .arg(example("daemon").get_program())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let command = |words: &[&str]| {
        let mut command = Command::new(&program);
        bed.furnish(&mut command).args(words);
        command
    };
    let daemon = find(pid(&command(&["pid"]).output().unwrap()));
    let working = command(&["sleep", "2"]).spawn().unwrap();
    bed.wait_running(1);
    std::fs::remove_file(&program).unwrap();
    let output = working.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    wait_end(daemon);
    let log = text(&bed.run(["--daemon", "logs"]).stdout);
    assert!(log.contains("ends: Program is gone"), "{log}");
    assert!(
        log.contains("ended: 1 commands finished, 0 cancelled"),
        "{log}"
    );
}
