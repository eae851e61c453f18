//! From start to stop, in order and by force.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::support::{Lines, Node, Place, Ran, finish, pid, until};

#[test]
fn a_node_tells_where_it_listens_and_what_it_serves() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    assert_eq!(node.address(), place.address());
    assert_eq!(node.ready["event"], "ready");
    assert_eq!(node.ready["pid"], node.child.id());
    let methods = node.ready["methods"].to_string();
    for method in [
        "host.processes",
        "node.echo",
        "node.info",
        "node.methods",
        "node.status",
    ] {
        assert!(methods.contains(method), "{methods}");
    }
}

#[test]
fn people_are_told_what_to_try_next() {
    let place = Place::new();
    let ran = greeting(&place, &[], "linkspan/node.sock");
    for words in [
        place.address().as_str(),
        "host.processes",
        " status\n",
        "^C stops it",
        "no linkspan.yaml",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "colours in a pipe");
    assert_eq!(ran.code, Some(0));
}

#[test]
fn what_to_try_names_an_address_that_is_not_found_without() {
    let place = Place::new();
    place.write("other.yaml", "transport.socket_path: ./other.sock");
    let ran = greeting(&place, &["-c", "other.yaml"], "other.sock");
    assert!(
        ran.stdout.contains(" status unix:./other.sock\n"),
        "{ran:?}"
    );
    // Commands without an address would look where the file of this name says.
    place.write("linkspan.yaml", "transport.socket_path: ./other.sock");
    let ran = greeting(&place, &["-c", "other.yaml"], "other.sock");
    assert!(ran.stdout.contains(" status\n"), "{ran:?}");
}

/// Starts a node for as long as its socket needs to appear; gives what it said.
#[track_caller]
fn greeting(place: &Place, options: &[&str], socket: &str) -> Ran {
    let mut command = place.command(["up", "--until-stdin-closes"].iter().chain(options));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it listens", || place.path(socket).exists());
    drop(child.stdin.take());
    finish(child)
}

#[test]
fn signals_to_stop_end_it_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let node = place.node::<&str>([]);
        let socket = place.path("linkspan/node.sock");
        assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
        node.signal(signal);
        let (code, last) = node.ends();
        assert_eq!(code, Some(0));
        assert_eq!(last["event"], "stopped");
        assert!(!socket.exists(), "the socket is left");
    }
}

#[test]
fn a_stop_gives_streams_their_time_and_a_second_one_does_not() {
    let place = Place::new();
    let node = place.node(["--drain-timeout", "60"]);
    let mut call =
        Lines::start(place.command(["call", &node.address(), "host.processes", "--json"]));
    call.find("the table", |_| true);
    node.signal(Signal::TERM);
    node.logs("node stops");
    // The stream never ends by itself.
    assert!(place.run(["status"]).code != Some(0));
    node.signal(Signal::INT);
    let (code, _) = node.ends();
    assert_eq!(code, Some(1));
    assert_eq!(call.ends().0, Some(4));
}

#[test]
fn what_is_cut_off_at_the_end_of_the_drain_is_reported() {
    let place = Place::new();
    let node = place.node(["--drain-timeout", "0"]);
    let mut call =
        Lines::start(place.command(["call", &node.address(), "host.processes", "--json"]));
    call.find("the table", |_| true);
    node.signal(Signal::TERM);
    let (code, last) = node.ends();
    assert_eq!((code, &last["connections"]), (Some(0), &1.into()), "{last}");
    assert_ne!(call.ends().0, Some(0));
}

#[test]
fn a_killed_node_is_noticed_within_a_second_and_replaced() {
    let place = Place::new();
    let mut node = place.node::<&str>([]);
    let address = node.address();
    let mut call = Lines::start(place.command(["call", &address, "host.processes", "--json"]));
    call.find("the table", |_| true);
    let killed = Instant::now();
    node.child.kill().unwrap();
    let (code, complaint) = call.ends();
    assert!(killed.elapsed() < Duration::from_secs(1));
    assert_eq!(code, Some(4), "{complaint}");
    assert!(complaint.contains("connection"), "{complaint}");

    let left = place.path("linkspan/node.sock");
    assert!(left.exists(), "kill -9 leaves the socket");
    let next = place.node::<&str>([]);
    assert_eq!(next.address(), address);
    place.run(["status"]).ok();
}

#[test]
fn a_killed_caller_harms_nobody() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let call = Lines::start(place.command(["call", &node.address(), "host.processes", "--json"]));
    call.find("the table", |_| true);
    // Dropping it is kill -9.
    drop(call);
    until("the connection is gone", || {
        let status = place.run(["status", "--json"]).json();
        // The one that asks is there.
        status["status"]["connections"].as_array().unwrap().len() == 1
    });
}

#[test]
fn a_second_node_leaves_the_first_alone() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let complaint = place.run(["up"]).fails(1);
    assert!(
        complaint.contains(&format!("in use by process {}", node.child.id())),
        "{complaint}"
    );
    assert!(complaint.contains("hint:"), "{complaint}");
    place.run(["status"]).ok();
}

#[test]
fn what_is_not_a_socket_is_never_removed() {
    let place = Place::new();
    let file = place.write("precious", "data");
    let complaint = place
        .run(["up", "--listen", &format!("unix:{}", file.display())])
        .fails(1);
    assert!(complaint.contains("precious"), "{complaint}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "data");
}

#[test]
fn modes_are_as_configured() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "transport: { socket_path: deep/er/x.sock, unix_socket: { file_permissions: 0o660, directory_permissions: 0o750 } }",
    );
    let node = place.node::<&str>([]);
    let mode = |path: &str| {
        std::fs::metadata(place.path(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("deep/er/x.sock"), mode("deep/er")), (0o660, 0o750));
    drop(node);
}

#[test]
fn a_node_ends_with_whoever_started_it() {
    let place = Place::new();
    let mut command = place.command(["up", "--json", "--until-stdin-closes"]);
    command.stdin(Stdio::piped());
    let mut node = Node::start(command);
    drop(node.child.stdin.take());
    let (code, last) = node.ends();
    assert_eq!(
        (code, &last["reason"]),
        (Some(0), &"standard input closed".into())
    );
}

#[test]
fn the_drain_may_have_a_unit_and_has_a_limit() {
    let place = Place::new();
    for time in ["5", "5s", "500ms", "24h", "0"] {
        let mut command = place.command(["up", "--json", "--until-stdin-closes"]);
        command.args(["--drain-timeout", time]).stdin(Stdio::null());
        assert_eq!(Node::start(command).ends().0, Some(0), "{time}");
    }
    for time in ["18446744073709551615", "86401", "25h"] {
        let complaint = place.run(["up", "--drain-timeout", time]).fails(2);
        assert!(
            complaint.contains(&format!("{time} exceeds the limit of 24h")),
            "{complaint}"
        );
    }
    place.run(["up", "--drain-timeout", "soon"]).fails(2);
}

#[test]
fn a_node_serves_on_when_nobody_reads_what_it_says() {
    for json in [&["up"][..], &["up", "--json"]] {
        let place = Place::new();
        let mut command = place.command(json);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What `head` does, sooner or later.
        drop((child.stdout.take(), child.stderr.take()));
        until("it serves", || place.run(["status"]).code == Some(0));
        kill_process(pid(&child), Signal::HUP).unwrap();
        place.run(["status"]).ok();
        kill_process(pid(&child), Signal::TERM).unwrap();
        assert_eq!(finish(child).code, Some(0));
        assert!(!place.path("linkspan/node.sock").exists());
    }
}
