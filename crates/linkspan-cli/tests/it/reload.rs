//! SIGHUP: the configuration is read again, all of it or nothing.

use rustix::process::Signal;
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::support::{Lines, Place};

#[test]
fn a_new_limit_holds_after_a_reload() {
    let place = Place::new();
    let limit =
        |limit: u32| format!("transport: {{ unix_socket: {{ max_connections: {limit} }} }}");
    place.write("linkspan.yaml", &limit(1));
    let node = place.node::<&str>([]);
    let call = Lines::start(place.command(["call", &node.address(), "host.processes", "--json"]));
    call.find("the table", |_| true);
    let busy = place.run(["status"]).fails(5);
    assert!(busy.contains("all 1 connections are taken"), "{busy}");

    place.write("linkspan.yaml", &limit(2));
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(["status"]).ok();
    // The connection that was open is open.
    call.find("more of the table", |_| true);
}

#[test]
fn a_wrong_file_changes_nothing() {
    let place = Place::new();
    place.write("linkspan.yaml", "environment: { log_level: info }");
    let node = place.node::<&str>([]);
    place.write(
        "linkspan.yaml",
        "environment: { log_level: debug, log_formt: json }",
    );
    node.signal(Signal::HUP);
    node.logs("nothing was changed");
    assert!(
        node.log().contains("log_formt") && node.log().contains("log_format"),
        "{}",
        node.log()
    );
    place.write("right.yaml", "");
    place.run(["status", "-c", "right.yaml"]).ok();
    assert!(!node.log().contains("DEBUG"), "{}", node.log());
}

#[cfg(target_os = "linux")]
#[test]
fn what_not_every_listener_can_take_none_keeps() {
    let place = Place::new();
    let configure = |level: &str, backend: &str| {
        let text = format!(
            "environment.log_level: {level}\nipc: {{ endpoint_path: ./e.sock, transport: {backend} }}\n"
        );
        place.write("linkspan.yaml", &text);
    };
    let backends = || {
        let status = place.run(["status", "--json"]).json()["status"].take();
        let listeners = status["listeners"].as_array().unwrap().clone();
        let backends = listeners.iter().map(|one| one["backend"].clone());
        backends.collect::<Vec<_>>()
    };
    configure("info", "tokio");
    let node = place.node::<&str>([]);
    // Each listener needs two descriptors for its thread.
    let before = leave_descriptors(node.pid(), 3);
    configure("debug", "legacy");
    node.signal(Signal::HUP);
    node.logs("the listeners cannot be changed; nothing was changed");
    prlimit(Some(node.pid()), Resource::Nofile, before).unwrap();
    assert_eq!(backends(), ["tokio", "tokio"]);
    assert!(!node.log().contains("DEBUG"), "{}", node.log());

    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    assert_eq!(backends(), ["legacy", "legacy"]);
}

/// Lets a process open so many more descriptors; gives its limit before.
#[cfg(target_os = "linux")]
fn leave_descriptors(pid: Pid, free: usize) -> Rlimit {
    let open = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).unwrap();
    let open: Vec<u64> = open
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    let first_refused = (0..).filter(|number| !open.contains(number)).nth(free);
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = first_refused;
    prlimit(Some(pid), Resource::Nofile, limit).unwrap()
}

#[test]
fn the_log_level_changes_while_it_runs() {
    let place = Place::new();
    place.write("linkspan.yaml", "environment: { debug_enabled: false }");
    let node = place.node::<&str>([]);
    place.run(["status"]).ok();
    assert!(!node.log().contains("frame received"));
    place.write("linkspan.yaml", "environment: { debug_enabled: true }");
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(["status"]).ok();
    node.logs("frame received");
}

#[test]
fn what_needs_a_restart_is_named() {
    let place = Place::new();
    place.write("linkspan.yaml", "transport: { socket_path: one.sock }");
    let node = place.node::<&str>([]);
    place.write("linkspan.yaml", "transport: { socket_path: two.sock }");
    node.signal(Signal::HUP);
    node.logs("needs_restart=[\"transport.socket_path\"]");
}
