//! The section `security.rate_limiting`, what a node counts of those who want too much, and what its
//! listeners ask for after a reload.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Node, Place};

/// A node that lets everybody, its owner too, ask for the machine's processes once in a minute.
fn limited(place: &Place) -> Node {
    place.write(
        "linkspan.yaml",
        "security:\n  audit: { file: audit.log }\n  rate_limiting:\n    owner_unlimited: false\n    \
         operations: { 'rpc.call:host.*': { requests_per_minute: 1, burst: 1 } }\n",
    );
    place.node::<&str>([])
}

const ONCE: [&str; 3] = ["call", "host.processes", r#"{"follow":false}"#];

fn security(place: &Place) -> Value {
    place.run(["status", "--json"]).json()["status"]["security"].take()
}

#[test]
fn who_wants_too_much_is_refused_and_counted_and_written_down_once() {
    let place = Place::new();
    let node = limited(&place);
    let address = node.address();
    let [verb, method, parameters] = ONCE;
    let call = [verb, &address, method, parameters];
    place.run(call).ok();
    for _ in 0..4 {
        let refused = place.run(call).fails(5);
        assert!(refused.contains("is too fast"), "{refused}");
    }
    // What lies without that right is not limited.
    place.run(["call", &address, "node.info"]).ok();
    let counted = security(&place);
    assert_eq!(counted["rights"]["too_fast"], 4, "{counted}");
    assert_eq!(counted["rights"]["denied"], 0, "{counted}");
    assert!(counted["authentication"]["accepted"].as_u64() >= Some(6));
    let text = place.run(["status"]).ok();
    assert!(text.contains("4 too fast, 0 too many at once"), "{text}");

    let log = fs::read_to_string(place.path("audit.log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let refused: Vec<Value> = lines
        .filter(|line: &Value| line["action"] == "rpc.call")
        .collect();
    assert_eq!(refused.len(), 1, "{log}");
    assert_eq!(refused[0]["resource"], "host.processes");
    assert_eq!(refused[0]["reason"], "rate");
    assert_eq!(refused[0]["decision"], "denied");
    let lines = u64::try_from(log.lines().count()).unwrap();
    assert!(counted["audit"]["lines"].as_u64().unwrap() <= lines);
    assert_eq!(counted["audit"]["errors"], 0);
}

#[test]
fn limits_are_read_again_all_or_nothing() {
    let place = Place::new();
    let node = limited(&place);
    let address = node.address();
    let [verb, method, parameters] = ONCE;
    let call = [verb, &address, method, parameters];
    place.run(call).ok();
    place.run(call).fails(5);
    place.write(
        "linkspan.yaml",
        "security: { rate_limiting: { operations: { 'rpc.call:host.*': { burst: 5 } } } }",
    );
    node.signal(Signal::HUP);
    node.logs("nothing was changed");
    assert!(
        node.log()
            .contains("means nothing without requests_per_minute")
    );
    place.write("right.yaml", "");
    place.run(call.iter().chain(&["-c", "right.yaml"])).fails(5);
    // The same limits are no reason to begin anew; others are.
    limited_again(&place, &node, 1);
    place.run(call).fails(5);
    limited_again(&place, &node, 2);
    place.run(call).ok();
    place.run(call).ok();
    place.run(call).fails(5);
    place.write("linkspan.yaml", "");
    node.signal(Signal::HUP);
    node.logs("security.rate_limiting.owner_unlimited");
    for _ in 0..5 {
        place.run(call).ok();
    }
    // What was counted stays.
    assert_eq!(security(&place)["rights"]["too_fast"], 4);
}

fn limited_again(place: &Place, node: &Node, burst: u32) {
    let text = format!(
        "security:\n  audit: {{ file: audit.log }}\n  auth: {{ token_expiry_s: {burst}000 }}\n  \
         rate_limiting:\n    owner_unlimited: false\n    \
         operations: {{ 'rpc.call:host.*': {{ requests_per_minute: 1, burst: {burst} }} }}\n"
    );
    place.write("linkspan.yaml", &text);
    let before = node.log().matches("configuration was read again").count();
    node.signal(Signal::HUP);
    crate::support::until("the reload", || {
        node.log().matches("configuration was read again").count() > before
    });
}

#[test]
fn a_limit_that_means_nothing_is_told_with_its_place() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "security:\n  rate_limiting:\n    operations: { 'rpc.cal:host.*': { max_concurrent: 1 } }\n",
    );
    let told = place.run(["config", "check"]).fails(3);
    assert!(
        told.contains("security.rate_limiting.operations") && told.contains("linkspan.yaml:3"),
        "{told}"
    );
    assert!(told.contains("\"rpc.cal\" is no action"), "{told}");
}

#[test]
fn a_broker_without_rights_stays_open_and_keeps_to_limits() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "security: { rate_limiting: { owner_unlimited: false, \
         operations: { 'bus.publish:#': { requests_per_minute: 1, burst: 2 } } } }",
    );
    let address = format!("unix:{}", place.path("bus.sock").display());
    let _broker = Node::start(place.command(["bus", "serve", &address, "--json"]));
    let publish = ["bus", "pub", "--address", &address, "a/b", "1"];
    place.run(publish).ok();
    place.run(publish).ok();
    place.run(publish).fails(5);
    place.run(["bus", "clients", "--address", &address]).ok();
}

#[test]
fn a_broker_that_asks_nobody_says_that_rights_need_a_start() {
    let place = Place::new();
    place.write("linkspan.yaml", "");
    let address = format!("unix:{}", place.path("bus.sock").display());
    let broker = Node::start(place.command(["bus", "serve", &address, "--json"]));
    place.write(
        "linkspan.yaml",
        "security: { authorization: { roles: { reader: ['bus.subscribe:#'] } } }",
    );
    broker.signal(Signal::HUP);
    broker.logs("nothing was changed");
    let publish = ["bus", "pub", "--address", &address, "a/b", "1"];
    place.run(publish).ok();
}

#[test]
fn what_a_node_asks_for_after_a_reload_its_bus_asks_for_too() {
    let place = Place::new();
    place.write("linkspan.yaml", "bus: { listen: ['tcp:127.0.0.1:0'] }");
    let node = place.node::<&str>([]);
    let bus = node.ready["bus"][0].as_str().unwrap().to_owned();
    let publish = ["bus", "pub", "--address", &bus, "a/b", "1"];
    // A user whom the kernel names, by the socket.
    place.run(publish).ok();
    place.write(
        "linkspan.yaml",
        "bus: { listen: ['tcp:127.0.0.1:0'] }\nsecurity: { auth: { token_type: ApiKey, key_file: keys }, \
         audit: { file: audit.log } }",
    );
    let issued = place.run(["token", "issue", "ci", "--json"]).json();
    let key = place.write("ci.key", issued["credential"].as_str().unwrap());
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(key, private).unwrap();
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    let refused = place.run(publish).fails(5);
    assert!(
        refused.contains("the client is not authenticated"),
        "{refused}"
    );
    let with_key = publish.iter().chain(&["--token-file", "ci.key"]);
    place.run(with_key).ok();
    let counted = security(&place)["authentication"].take();
    assert_eq!(counted["reasons"]["unopened"], 1, "{counted}");
    let log = fs::read_to_string(place.path("audit.log")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let principals: Vec<Value> = lines
        .map(|line: Value| line["principal"].clone())
        .filter(|principal| *principal == json!("key:ci"))
        .collect();
    assert_eq!(principals.len(), 1, "{log}");
}

#[test]
fn exchanges_are_a_matter_of_rights_once_there_are_any() {
    let user = format!("uid:{}", rustix::process::geteuid().as_raw());
    let place = Place::new();
    let configure = |right: &str| {
        let text = format!(
            "ipc: {{ endpoint_path: ./e.sock }}\nsecurity:\n  authorization:\n    owner_may_all: false\n    \
             roles: {{ tester: {{ capabilities: ['rpc.call:*', '{right}'], members: ['{user}'] }} }}\n"
        );
        place.write("linkspan.yaml", &text);
    };
    configure("exchange.send:other");
    let node = place.node::<&str>([]);
    let address = format!("unix:{}", place.path("e.sock").display());
    let ask = ["exchange", "send", &address, "--text", "\n\u{1}1", "--hex"];
    place.run(ask).fails(4);
    let status = place.run(["status", "--json"]).json()["status"].take();
    assert_eq!(status["listeners"][1]["exchange"]["denied"], 1, "{status}");
    assert_eq!(status["security"]["rights"]["denied"], 1, "{status}");
    configure("exchange.send:detection");
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(ask).ok();
}
