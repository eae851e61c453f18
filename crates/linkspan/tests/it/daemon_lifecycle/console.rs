//! ^C and ^Break in the console of a client reach its command, and not the daemon.

use std::io::{BufRead, BufReader};
use std::os::windows::process::CommandExt;
use std::process::{Child, Output};

use linkspan_test::wine::is_gap;

use super::bed::{Bed, example, shown, text};

/// A console of its own that is not shown.
const CREATE_NO_WINDOW: u32 = 0x0800_0000;
/// The code of a program that does not handle ^C.
const CONTROL_C_EXIT: i32 = 0xC000_013A_u32.cast_signed();

#[test]
fn an_interrupt_ends_the_command_and_not_the_daemon_that_its_client_started() {
    let bed = Bed::new();
    for key in ["c", "break"] {
        if key == "break" && is_gap("a console tells nobody of ^Break") {
            return;
        }
        let mut client = bed.command(["sleep", "60"]);
        let mut client = client.creation_flags(CREATE_NO_WINDOW).spawn().unwrap();
        started(&mut client);
        let daemon = bed.pid();
        let sharing = press(&client, key);
        assert!(sharing.contains(&client.id()), "{sharing:?}");
        assert!(!sharing.contains(&daemon), "it has another console");
        let output = client.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(CONTROL_C_EXIT),
            "{}",
            shown(&output)
        );
        assert_eq!(bed.pid(), daemon);
        let status = text(&bed.run(["--daemon", "status"]).stdout);
        assert!(status.contains("\n0 commands run"), "{status}");
    }
}

/// Waits until the command prints something, and lets the rest be.
fn started(client: &mut Child) {
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "sleeping\n");
    client.stdout = Some(output.into_inner());
}

/// Types a key into the console of a process; gives all that have this console.
fn press(client: &Child, key: &str) -> Vec<u32> {
    let mut console = example("console");
    let output: Output = console
        .args([&client.id().to_string(), key])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let pids = text(&output.stdout);
    pids.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}
