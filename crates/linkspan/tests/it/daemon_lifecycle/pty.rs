//! A terminal of the test's own, with a shell on it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use linkspan_test::wait::PATIENCE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::bed::{Bed, example};

/// A shell with job control, on a terminal whose other end is the test. Dropping it closes the
/// window.
pub(super) struct Shell {
    master: File,
    process: Child,
    /// What was shown and not expected yet.
    rest: Vec<u8>,
}

impl Shell {
    /// Starts one in which `daemon` is the example's program.
    pub(super) fn start(bed: &Bed) -> Self {
        let (master, terminal) = open();
        resize(&master, 80, 24);
        let mut command = Command::new("setsid");
        bed.furnish(&mut command)
            .args(["--ctty", "sh", "-i"])
            .env("PS1", "")
            .env("TERM", "xterm-256color")
            .env_remove("ENV")
            .env_remove("COLORTERM")
            .env_remove("NO_COLOR")
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal);
        let mut shell = Self {
            process: command.spawn().unwrap(),
            master,
            rest: Vec::new(),
        };
        let program = example("daemon").get_program().to_owned();
        let program = program.to_str().unwrap();
        shell.line(&format!("daemon() {{ '{program}' \"$@\"; }}; echo begun"));
        shell.expect("begun");
        shell
    }

    /// The shell's process, which leads the terminal's session.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn line(&mut self, line: &str) {
        self.keys(format!("{line}\n").as_bytes());
    }

    /// Types what is no line, such as [`INTERRUPT`].
    pub(super) fn keys(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Waits until the terminal has shown a text. Gives what came before it.
    #[track_caller]
    pub(super) fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let wanted = text.as_bytes();
        loop {
            let mut places = self.rest.windows(wanted.len());
            if let Some(place) = places.position(|window| window == wanted) {
                let said: Vec<u8> = self.rest.drain(..place + wanted.len()).collect();
                return String::from_utf8_lossy(said.get(..place).unwrap()).into_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let shown = || String::from_utf8_lossy(&self.rest).into_owned();
            assert!(
                is_readable(&self.master, left),
                "no {text:?} in {:?}",
                shown()
            );
            let mut piece = [0; 4096];
            let length = self.master.read(&mut piece);
            let length = length.unwrap_or_else(|error| panic!("{error} after {:?}", shown()));
            self.rest.extend_from_slice(piece.get(..length).unwrap());
        }
    }

    /// Expects the code with which the last command has ended, as the shell sees it.
    #[track_caller]
    pub(super) fn expect_code(&mut self, code: i32) {
        self.line("echo \"code $?.\"");
        self.expect("code ");
        assert_eq!(self.expect("."), code.to_string());
    }

    /// Makes the window another size.
    pub(super) fn resize(&self, columns: u16, rows: u16) {
        resize(&self.master, columns, rows);
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Both ends of a new terminal, which does not show what is typed.
fn open() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    // Not all systems have a flag for it.
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let mut modes = tcgetattr(&terminal).unwrap();
    modes.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Now, &modes).unwrap();
    (master.into(), terminal)
}

fn resize(master: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_col: columns,
        ws_row: rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(master, size).unwrap();
}

fn is_readable(master: &File, limit: Duration) -> bool {
    let limit = Timespec::try_from(limit).unwrap();
    let mut ends = [PollFd::new(master, PollFlags::IN)];
    poll(&mut ends, Some(&limit)).unwrap() > 0
}

/// ^C.
pub(super) const INTERRUPT: &[u8] = b"\x03";
/// ^Z.
pub(super) const SUSPEND: &[u8] = b"\x1a";
/// ^D, which ends input.
pub(super) const END: &[u8] = b"\x04";
