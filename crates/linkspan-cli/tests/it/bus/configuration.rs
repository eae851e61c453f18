//! The section `bus` of the configuration.

use crate::support::Place;

#[test]
fn what_nothing_can_work_with_is_refused_where_it_stands() {
    let place = Place::new();
    for (text, complaint) in [
        ("queue_messages: 3", "queue_messages of 3 is less than 4"),
        ("queue_bytes: 1KiB", "queue_bytes of 1024 is less than 4096"),
        (
            "memory_limit: 1MiB",
            "memory_limit of 1048576 is less than 16777216",
        ),
        ("timeout: 1ms", "timeout of 1ms is less than 10ms"),
        (
            "max_message_bytes: 4GiB",
            "4294967296 bytes are not between",
        ),
        ("listen: [nowhere]", "bus.listen"),
        (
            "listen: ['unix:/x', '/x']",
            "takes clients of its broker already",
        ),
        ("listen: ['tcp:0.0.0.0:1']", "allow_plaintext"),
        ("overflow: sometimes", "not one of block, drop-oldest"),
        (
            "durable: { directory: /x }",
            "key `durable` is not in this version",
        ),
        ("bridge: {}", "key `bridge` is not in this version"),
        ("queue_message: 3", "did you mean `queue_messages`?"),
    ] {
        place.write("linkspan.yaml", &format!("bus:\n  {text}\n"));
        let told = place.run(["config", "check"]).fails(3);
        assert!(told.contains(complaint), "{text}: {told}");
        assert!(told.contains("linkspan.yaml:2"), "{text}: {told}");
    }
}

#[test]
fn a_broker_does_not_listen_where_the_node_does() {
    let place = Place::new();
    let calls = "transport: { default_type: tcp, tcp: { bind_address: '127.0.0.1:9' } }\n";
    place.write(
        "linkspan.yaml",
        &format!("{calls}bus.listen: ['tcp:127.0.0.1:9']\n"),
    );
    let told = place.run(["config", "check"]).fails(3);
    assert!(told.contains("is where the node takes calls"), "{told}");
    place.write("linkspan.yaml", "ipc.endpoint_path: /x\nbus.listen: [/x]\n");
    let told = place.run(["config", "check"]).fails(3);
    assert!(
        told.contains("is where the node answers exchanges"),
        "{told}"
    );
}
