//! Clients of BUS/RT come by TLS, too: one of another make, that knows nothing of ours.

use std::process::{Command, Stdio};

use crate::support::{Lines, Node, Place, finish};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bus/over_tls.py");

#[test]
fn a_client_of_busrt_comes_by_tls_and_by_a_socket_under_it() {
    let (place, broker) = prepared();
    for address in broker.ready["addresses"].as_array().unwrap() {
        let address = address.as_str().unwrap();
        let at = ["--address", address, "--tls-dir", "tls"];
        let bus = |words: &[&str]| {
            let mut command = place.command(["bus"]);
            command.args(words).args(at);
            command
        };
        let listening = Lines::start(bus(&["sub", "from/python", "--json"]));
        listening.find("it has subscribed", |line| line["event"] == "subscribed");
        let client = python(&place, address, "client");
        // Whether it has subscribed yet shows by its getting the message.
        let receipt = ["pub", "to/python", "5", "--json"];
        crate::support::until("the client has it", || {
            let sent = finish(piped(bus(&receipt)).spawn().unwrap()).json();
            sent["delivery"] == "delivered"
        });
        let heard = listening.find("the answer", |line| line["event"] == "message");
        assert_eq!(heard["payload"], "hello", "{address}");
        assert_eq!(heard["sender"], "python", "{address}");
        let said = client.ok();
        assert!(said.starts_with("TLSv1.3\n"), "{address}: {said}");
        assert!(said.contains("|to/python|5"), "{address}: {said}");
    }
}

#[test]
fn a_client_of_busrt_without_a_certificate_is_refused() {
    let (place, broker) = prepared();
    for address in broker.ready["addresses"].as_array().unwrap() {
        let said = python(&place, address.as_str().unwrap(), "-").ok();
        assert!(said.starts_with("refused"), "{address}: {said}");
    }
    let log = std::fs::read_to_string(place.path("audit.log")).unwrap();
    let noted = log.matches("the peer presents no certificate").count();
    assert_eq!(noted, 2, "{log}");
}

/// A broker at an address of TLS and at one of a local socket under it.
fn prepared() -> (Place, Node) {
    let place = Place::new();
    place.run(["cert", "ca", "tls"]).ok();
    place.run(["cert", "issue", "tls", "server", "client"]).ok();
    place.write("linkspan.yaml", "security: { audit: { file: audit.log } }");
    let socket = format!("unix+tls:{}", place.path("bus.sock").display());
    let serve = [
        "bus",
        "serve",
        "tls:127.0.0.1:0",
        &socket,
        "--tls-dir",
        "tls",
        "--json",
    ];
    let broker = Node::start(place.command(serve));
    (place, broker)
}

/// A client at work; its output when it is done.
struct Python(std::process::Child);

impl Python {
    #[track_caller]
    fn ok(self) -> String {
        finish(self.0).ok()
    }
}

fn python(place: &Place, address: &str, certificate: &str) -> Python {
    let (_, at) = address.split_once(':').unwrap();
    let mut python = Command::new("python3");
    python.args([SCRIPT, at, "tls", certificate]);
    python.current_dir(place.path(""));
    Python(
        piped(python)
            .spawn()
            .expect("python3 is there; `cargo xtask python` needs it, too"),
    )
}

fn piped(mut command: Command) -> Command {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
