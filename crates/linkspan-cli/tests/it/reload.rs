//! SIGHUP: the configuration is read again, all of it or nothing.

use rustix::process::Signal;

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
