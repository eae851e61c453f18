//! What a default node opens: nothing on the network.

use std::collections::HashSet;
use std::fs;

use crate::support::{Node, Place};

#[test]
fn a_default_node_opens_no_network_socket() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    place.run(["status"]).ok();
    assert_eq!(network_sockets(&node), Vec::<String>::new());
}

#[test]
fn a_node_on_tcp_opens_one_socket_on_loopback() {
    let place = Place::new();
    let node = place.node(["--listen", "tcp:127.0.0.1:0"]);
    let sockets = network_sockets(&node);
    assert_eq!(sockets.len(), 1, "{sockets:?}");
    assert!(sockets[0].contains("0100007F:"), "{sockets:?}");
    place.run(["call", &node.address(), "node.info"]).ok();
}

#[test]
fn plain_tcp_off_loopback_has_to_be_allowed() {
    let place = Place::new();
    let complaint = place.run(["up", "--listen", "tcp:0.0.0.0:0"]).fails(1);
    assert!(
        complaint.contains("may not leave this machine"),
        "{complaint}"
    );
    assert!(complaint.contains("allow_plaintext"), "{complaint}");
    place.write("linkspan.yaml", "transport: { allow_plaintext: true }");
    place.node(["--listen", "tcp:0.0.0.0:0"]);
}

/// The lines of the kernel's tables of network sockets that belong to a node.
fn network_sockets(node: &Node) -> Vec<String> {
    let directory = format!("/proc/{}/fd", node.child.id());
    let inodes: HashSet<String> = fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| {
            Some(
                target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    assert!(!inodes.is_empty(), "a node has a socket");
    let tables = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"];
    let tables =
        tables.map(|table| fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default());
    tables
        .iter()
        .flat_map(|table| table.lines().skip(1))
        .filter(|line| line.split_whitespace().any(|word| inodes.contains(word)))
        .map(str::to_owned)
        .collect()
}
