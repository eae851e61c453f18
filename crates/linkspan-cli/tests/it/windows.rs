//! The command line on Windows: a node at a pipe, and daemons of this user.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use linkspan_test::wait::PATIENCE;
use serde_json::Value;

/// A runtime directory and the name of a pipe; what runs there ends with it.
struct Place {
    directory: tempfile::TempDir,
    node: Option<Child>,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            node: None,
        }
    }

    fn furnish<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let pipe = format!("linkspan-cli-test-{}", std::process::id());
        command
            .env("RUNTIME_DIRECTORY", self.directory.path())
            .env("LINKSPAN_TRANSPORT__NAMED_PIPE__PIPE_NAME", pipe)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkspan"));
        self.furnish(command.args(arguments)).spawn().unwrap()
    }

    /// Runs the program with success; gives what it prints.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        printed(self.start(arguments).wait_with_output().unwrap())
    }

    #[track_caller]
    fn run_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }

    /// Has the example's daemon do something; gives its process.
    #[track_caller]
    fn daemon(&self) -> u64 {
        let own = env::current_exe().unwrap();
        let examples = own.ancestors().nth(2).unwrap().join("examples");
        let mut command = Command::new(examples.join("daemon.exe"));
        let output = self.furnish(command.arg("pid")).output().unwrap();
        printed(output).trim().parse().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(node) = &mut self.node {
            node.kill().ok();
            node.wait().ok();
        }
        let stopping = self.start(&["daemon", "stop", "--all"]);
        stopping.wait_with_output().ok();
    }
}

#[track_caller]
fn printed(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_node_listens_at_a_pipe_and_can_be_looked_at() {
    let mut place = Place::new();
    let mut node = place.start(&["up", "--json"]);
    let mut output = BufReader::new(node.stdout.take().unwrap());
    let pid = node.id();
    place.node = Some(node);
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready.get("pid"), Some(&pid.into()));
    let address = ready.pointer("/addresses/0").and_then(Value::as_str);
    let address = address.unwrap();
    assert!(address.starts_with("pipe:linkspan-cli-test-"), "{line}");
    assert!(place.run(&["status"]).contains("CONNECTION"));
    assert!(place.run(&["transport", "status"]).contains("tokio"));
    let answers = format!("answers (process {pid})");
    assert!(place.run(&["doctor"]).contains(&answers));
    let echo = place.run(&["call", address, "node.echo", r#"{"text":"hello"}"#]);
    assert!(echo.contains("hello"), "{echo}");
}

#[test]
fn daemons_are_listed_looked_at_and_stopped() {
    let place = Place::new();
    let pid = place.daemon();
    assert_eq!(place.daemon(), pid);
    let list = place.run_json(&["daemon", "list", "--json"]).to_string();
    assert!(list.contains(&format!("\"pid\":{pid}")), "{list}");
    let status = place.run(&["daemon", "status", "daemon-example"]);
    assert!(status.contains("2 accepted"), "{status}");
    let logs = place.run(&["daemon", "logs", "daemon-example"]);
    assert!(logs.contains("started: first start"), "{logs}");
    let stopped = place.run(&["daemon", "stop", "daemon-example"]);
    assert!(stopped.contains(&format!("process {pid}")), "{stopped}");
    assert_ne!(place.daemon(), pid);
}

#[test]
fn messages_pass_through_a_broker_at_a_pipe() {
    let mut place = Place::new();
    let pipe = format!("pipe:linkspan-cli-bus-{}", std::process::id());
    let mut broker = place.start(&["bus", "serve", &pipe, "tcp:127.0.0.1:0", "--json"]);
    let mut output = BufReader::new(broker.stdout.take().unwrap());
    place.node = Some(broker);
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(
        line.contains(&pipe) && line.contains("tcp:127.0.0.1:"),
        "{line}"
    );
    let tcp: Value = serde_json::from_str(&line).unwrap();
    let tcp = tcp.pointer("/addresses/1").and_then(Value::as_str).unwrap();
    let sub = [
        "bus",
        "sub",
        "a/#",
        "--first",
        "1",
        "--payloads",
        "-a",
        &pipe,
    ];
    let sub = place.start(&sub);
    let publish = ["bus", "pub", "a/b", "hello", "--json", "-a", tcp];
    let began = Instant::now();
    while place.run_json(&publish).get("delivery") != Some(&"delivered".into()) {
        assert!(began.elapsed() < PATIENCE, "nobody has subscribed");
    }
    assert_eq!(printed(sub.wait_with_output().unwrap()), "hello\n");
}
