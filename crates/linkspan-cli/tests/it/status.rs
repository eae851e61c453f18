//! `linkspan status`.

use std::process::Command;

use linkspan::rpc::{CallError, Context, Server};
use serde::de::IgnoredAny;

use crate::support::{Node, Place};

#[test]
fn status_shows_listeners_and_connections() {
    let place = Place::new();
    let node = place.node(["--listen", &place.address(), "--listen", "tcp:127.0.0.1:0"]);
    place.run(["call", &node.address(), "node.echo", "1"]).ok();
    let status = place.run(["status", "--json"]).json();
    assert_eq!(status["node"]["pid"], node.child.id());
    let listeners = &status["status"]["listeners"];
    assert_eq!(listeners[0]["accepted"], 2, "{listeners}");
    assert!(
        listeners[1]["address"]
            .as_str()
            .unwrap()
            .starts_with("tcp:127.0.0.1:")
    );
    let connection = &status["status"]["connections"][0];
    assert_eq!(connection["transport"], "unix");
    assert_eq!(connection["client"], "linkspan");
    let text = place.run(["status"]).ok();
    for words in [
        "linkspan 0.1.0",
        "LISTENER",
        &place.address(),
        "CONNECTION",
        "uid:",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_a_node_it_says_what_to_do() {
    let place = Place::new();
    let complaint = place.run(["status"]).fails(4);
    assert!(complaint.contains(&place.address()), "{complaint}");
    assert!(complaint.contains("linkspan up"), "{complaint}");
}

#[test]
fn a_node_serves_those_outside_of_its_pid_namespace() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--fork", "--pid", "--mount-proc", "--kill-child"]);
        command
    };
    if !matches!(unshare().arg("true").status(), Ok(status) if status.success()) {
        eprintln!("SKIPPED: PID namespaces need root and unshare(1)");
        return;
    }
    let place = Place::new();
    let up = place.command(["up", "--json"]);
    let mut inside = unshare();
    inside.arg(up.get_program()).args(up.get_args());
    inside.env("XDG_RUNTIME_DIR", place.path(""));
    inside.current_dir(place.path(""));
    let node = Node::start(inside);
    assert_eq!(node.ready["pid"], 1);
    let status = place.run(["status", "--json"]).json();
    let connection = &status["status"]["connections"][0];
    assert_eq!(connection["pid"], serde_json::Value::Null, "{connection}");
    assert_eq!(status["status"]["listeners"][0]["accept_errors"], 0);
    assert!(!place.run(["status"]).ok().contains("pid:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_never_answers_is_not_waited_for() {
    let place = Place::new();
    let hang =
        async |_: IgnoredAny, _: Context| std::future::pending::<Result<(), CallError>>().await;
    let server = Server::new().method("node.info", hang);
    let address = format!("unix:{}", place.path("hang.sock").display());
    let serving = server.listen(address.as_str()).await.unwrap();
    let complaint = place.run(["status", &address]).fails(7);
    assert!(complaint.contains("deadline"), "{complaint}");
    drop(serving);
}
