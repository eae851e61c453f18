//! A run of many processes, of which everything is kept that they show.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::hunt::Secrets;
use crate::support::{Lines, Node, Place, Ran, finish, until};

pub(super) struct Run {
    place: Place,
    secrets: Secrets,
    /// What was shown, and where.
    shown: Vec<(String, Vec<u8>)>,
}

/// A command that goes on; what it prints is kept at its end.
pub(super) struct Listening {
    name: String,
    lines: Lines,
    heard: std::cell::RefCell<Vec<String>>,
}

impl Listening {
    /// Waits for a line with this payload.
    #[track_caller]
    pub(super) fn says(&self, payload: &str) {
        self.lines.find(payload, |line| {
            self.heard.borrow_mut().push(line.to_string());
            line["payload"] == payload
        });
    }
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            place: Place::new(),
            secrets: Secrets::default(),
            shown: Vec::new(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    pub(super) fn file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes a file that nobody else can read.
    pub(super) fn private(&self, name: &str, text: &str) {
        let path = self.place.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes a configuration of a node that tells everything that it can.
    pub(super) fn configures(&self, name: &str, security: &str) {
        let text = format!(
            "environment: {{ log_level: trace, debug_enabled: true }}\n\
             transport: {{ default_type: tls, tcp: {{ bind_address: 127.0.0.1:0 }} }}\n\
             security:\n  audit: {{ file: audit.log }}\n  {security}\n"
        );
        self.place.write(name, &text);
    }

    pub(super) fn hides_digits(&mut self, name: &str, digits: &str) {
        self.secrets.hide_digits(name, digits);
    }

    pub(super) fn hides_text(&mut self, name: &str, text: &str) {
        self.secrets.hide(name, text.as_bytes());
    }

    /// Hides the keys of a ring.
    pub(super) fn hides_ring(&mut self, file: &str) {
        for line in self
            .file(file)
            .lines()
            .filter(|line| line.starts_with("key "))
        {
            self.hides_digits(file, line.rsplit(' ').next().unwrap());
        }
    }

    /// Hides a private key, and each line of its text.
    pub(super) fn hides_pem(&mut self, file: &str) {
        let text = self.file(file);
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        for line in lines.iter().filter(|line| line.len() >= 32) {
            self.secrets.hide(file, line.as_bytes());
        }
        let der = Command::new("openssl")
            .args(["pkey", "-outform", "DER", "-in"])
            .arg(self.path(file))
            .output()
            .unwrap();
        assert!(der.status.success(), "{der:?}");
        self.secrets.hide(file, &der.stdout);
        let numbers = Command::new("openssl")
            .args(["pkey", "-noout", "-text", "-in"])
            .arg(self.path(file))
            .output()
            .unwrap();
        let numbers = String::from_utf8(numbers.stdout).unwrap();
        let (_, private) = numbers.split_once("priv:").unwrap();
        let (private, _) = private.split_once("pub:").unwrap();
        let digits: String = private.chars().filter(char::is_ascii_hexdigit).collect();
        self.hides_digits(file, &digits);
    }

    pub(super) fn openssl(&self, arguments: &[&str]) {
        let mut openssl = Command::new("openssl");
        let ran = openssl.args(arguments).current_dir(self.path("")).output();
        assert!(ran.unwrap().status.success(), "{arguments:?}");
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("RUST_BACKTRACE", "full");
        command
    }

    /// Runs a command that succeeds.
    #[track_caller]
    pub(super) fn does(&mut self, arguments: &[&str]) {
        let ran = self.runs(self.command(arguments));
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
    }

    /// Runs one that fails.
    #[track_caller]
    pub(super) fn tries(&mut self, arguments: &[&str]) {
        let ran = self.runs(self.command(arguments));
        assert!(
            ran.code.is_some_and(|code| code != 0),
            "{arguments:?}: {ran:?}"
        );
    }

    /// Runs the one command whose purpose is to print a secret, once and on its standard output.
    #[track_caller]
    pub(super) fn issues(&mut self, arguments: &[&str]) -> String {
        let ran = self.keeps(self.command(arguments));
        let name = format!("{arguments:?} on standard error");
        self.shown.push((name, ran.stderr.clone().into_bytes()));
        ran.ok()
    }

    #[track_caller]
    pub(super) fn runs(&mut self, command: Command) -> Ran {
        let name = format!("{command:?}");
        let ran = self.keeps(command);
        let both = format!("{}{}", ran.stdout, ran.stderr);
        self.shown.push((name, both.into_bytes()));
        ran
    }

    /// Runs a command, and keeps what anybody can see of it meanwhile.
    #[track_caller]
    fn keeps(&mut self, mut command: Command) -> Ran {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        self.looks_at(child.id());
        finish(child)
    }

    /// Keeps arguments and environment of a process.
    fn looks_at(&mut self, pid: u32) {
        for what in ["cmdline", "environ"] {
            // It may be over by now.
            if let Ok(bytes) = fs::read(format!("/proc/{pid}/{what}")) {
                self.shown.push((format!("/proc/{pid}/{what}"), bytes));
            }
        }
    }

    /// Starts a server.
    #[track_caller]
    pub(super) fn node(&mut self, arguments: &[&str]) -> Node {
        let mut command = self.command(arguments);
        command.arg("--json");
        let node = Node::start(command);
        self.looks_at(node.child.id());
        node
    }

    /// Starts a command that subscribes.
    #[track_caller]
    pub(super) fn starts(&mut self, arguments: &[&str]) -> Listening {
        let lines = Lines::start(self.command(arguments));
        lines.find("it has subscribed", |line| line["event"] == "subscribed");
        self.looks_at(lines.child.id());
        Listening {
            name: format!("{arguments:?}"),
            lines,
            heard: std::cell::RefCell::default(),
        }
    }

    #[track_caller]
    pub(super) fn ends(&mut self, mut listening: Listening) {
        let pid = crate::support::pid(&listening.lines.child);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        let (_, complaints) = listening.lines.ends();
        let heard = listening.heard.take().join("\n");
        let both = format!("{heard}{complaints}");
        self.shown.push((listening.name, both.into_bytes()));
    }

    #[track_caller]
    pub(super) fn reloads(&mut self, node: &Node) {
        node.signal(Signal::HUP);
        node.logs("read again");
        self.looks_at(node.child.id());
    }

    /// Ends a server in order, and keeps its log and its words.
    #[track_caller]
    pub(super) fn stops(&mut self, mut node: Node) {
        self.looks_at(node.child.id());
        node.signal(Signal::TERM);
        let first = node.ready.to_string();
        let mut is_over = || node.child.try_wait().unwrap().is_some();
        until("the node has stopped", &mut is_over);
        self.shown
            .push(("the log of a node".to_owned(), node.log().into_bytes()));
        let (_, last) = node.ends();
        self.shown
            .push(("a node".to_owned(), format!("{first}{last}").into_bytes()));
    }

    /// Looks through everything that was shown.
    #[track_caller]
    pub(super) fn is_clean(&mut self) {
        let audit = fs::read(self.path("audit.log")).unwrap();
        assert!(audit.len() > 1000, "something was written down");
        self.shown.push(("audit.log".to_owned(), audit));
        let all = |words: &str| {
            let shows = |text: &[u8]| String::from_utf8_lossy(text).contains(words);
            self.shown.iter().any(|(_, text)| shows(text))
        };
        assert!(all("TRACE") && all("DEBUG"), "nodes tell all that they can");
        assert!(self.shown.len() > 100, "{}", self.shown.len());
        for (place, text) in &self.shown {
            let seen = self.secrets.seen_in(text);
            let text = String::from_utf8_lossy(text);
            assert!(seen.is_empty(), "{seen:?} in {place}: {text}");
        }
    }
}

/// A secret of 256 bits in digits, of the system's randomness.
pub(super) fn digits() -> String {
    let bytes: [u8; 32] = os::random_bytes().unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
