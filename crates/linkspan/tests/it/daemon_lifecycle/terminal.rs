//! A daemon-backed program on a real terminal, by somebody who types.

use rustix::process::{Pid, getsid};

use super::bed::Bed;
use super::pty::{END, INTERRUPT, SUSPEND, Shell};

#[test]
fn an_interrupt_that_is_typed_ends_the_command_and_not_the_daemon_it_started() {
    let bed = Bed::new();
    let mut shell = Shell::start(&bed);
    shell.line("daemon sleep 60");
    shell.expect("sleeping");
    let daemon = bed.pid();
    assert_eq!(bed.starts(), 1, "by the client on the terminal");
    shell.keys(INTERRUPT);
    shell.expect_code(130);
    assert_eq!(bed.pid(), daemon);
    assert_eq!(bed.running(), 0);
    assert_ne!(session(daemon), session(shell.pid()));
}

#[test]
fn a_daemon_has_no_terminal_and_outlives_that_of_its_first_client() {
    let bed = Bed::new();
    let mut shell = Shell::start(&bed);
    shell.line("daemon sleep 60");
    shell.expect("sleeping");
    let daemon = bed.pid();
    #[cfg(target_os = "linux")]
    assert_eq!(terminal_number(daemon), "0");
    drop(shell);
    bed.wait_running(0);
    assert_eq!(bed.pid(), daemon);
}

#[test]
fn a_handler_knows_the_terminal_and_each_new_size() {
    let bed = Bed::new();
    let mut shell = Shell::start(&bed);
    shell.line("daemon terminal");
    shell.expect("[true, true, true] Ansi256 xterm-256color");
    shell.expect("80x24");
    for (columns, rows) in [(213, 57), (40, 10)] {
        shell.resize(columns, rows);
        shell.expect(&format!("{columns}x{rows}"));
    }
    shell.keys(INTERRUPT);
    shell.expect_code(130);

    for (line, seen) in [
        ("daemon terminal | cat", "[true, false, true] None"),
        ("daemon terminal </dev/null", "[false, true, true] Ansi256"),
        ("NO_COLOR=1 daemon terminal", "[true, true, true] None"),
        (
            "COLORTERM=truecolor daemon terminal",
            "[true, true, true] Rgb",
        ),
    ] {
        shell.line(line);
        shell.expect(seen);
        shell.expect("40x10");
        shell.keys(INTERRUPT);
        bed.wait_running(0);
    }
}

#[test]
fn a_command_can_be_suspended_and_continued() {
    let bed = Bed::new();
    let mut shell = Shell::start(&bed);
    shell.line("daemon terminal");
    shell.expect("80x24");
    let daemon = bed.pid();
    shell.keys(SUSPEND);
    shell.line("echo \"suspended\"");
    shell.expect("suspended");
    shell.resize(100, 30);
    // Others do not notice.
    assert_eq!(bed.pid(), daemon);
    shell.line("fg");
    shell.expect("100x30");
    shell.keys(INTERRUPT);
    shell.expect_code(130);
    assert_eq!(bed.running(), 0);
}

#[test]
fn what_is_typed_reaches_the_command_line_by_line() {
    let bed = Bed::new();
    let mut shell = Shell::start(&bed);
    shell.line("daemon cat");
    for word in ["one", "two"] {
        shell.line(word);
        shell.expect(word);
    }
    shell.keys(END);
    shell.expect_code(0);

    // Who runs in the background is stopped when it reads, and goes on in the foreground.
    shell.line("daemon cat &");
    shell.line("fg");
    shell.line("three");
    shell.expect("three");
    shell.keys(END);
    shell.expect_code(0);
}

fn session(pid: u32) -> i32 {
    let pid = Pid::from_raw(pid.try_into().unwrap());
    getsid(pid).unwrap().as_raw_nonzero().get()
}

/// The device of a process's terminal; 0 if it has none.
#[cfg(target_os = "linux")]
fn terminal_number(pid: u32) -> String {
    let stat = super::bed::read(format!("/proc/{pid}/stat").as_ref());
    let fields = stat.rsplit_once(") ").unwrap().1;
    fields.split(' ').nth(4).unwrap().to_owned()
}
