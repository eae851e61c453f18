//! Mutual TLS in two commands, and what is said when it does not come about.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::support::{Node, Place};

/// An authority with a server and a client.
fn prepared() -> Place {
    let place = Place::new();
    place.run(["cert", "ca", "tls"]).ok();
    place.run(["cert", "issue", "tls", "server", "client"]).ok();
    place
}

fn node(place: &Place) -> Node {
    place.node(["--tls-dir", "tls", "--listen", "tls:127.0.0.1:0"])
}

#[test]
fn two_commands_make_mutual_tls() {
    let place = prepared();
    for name in ["ca.key", "server.key", "client.key"] {
        let mode = fs::metadata(place.path("tls").join(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let node = node(&place);
    let echo = [
        "call",
        &node.address(),
        "node.echo",
        "7",
        "--tls-dir",
        "tls",
    ];
    assert_eq!(place.run(echo).ok().trim(), "7");
    // Who has no certificate is told what to do, and how.
    let none = place
        .run(["call", &node.address(), "node.echo", "7"])
        .fails(4);
    assert!(
        none.contains("whom to trust") && none.contains("linkspan cert ca DIR"),
        "{none}"
    );
    place.write(
        "client.yaml",
        "transport: { tcp: { tls_config: { ca_file: tls/ca.pem } } }",
    );
    let none = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "7",
            "-c",
            "client.yaml",
        ])
        .fails(4);
    assert!(
        none.contains("asks for a certificate") && none.contains("cert issue DIR client"),
        "{none}"
    );
}

#[test]
fn files_are_not_replaced_unasked() {
    let place = prepared();
    let before = fs::read(place.path("tls/ca.pem")).unwrap();
    let told = place.run(["cert", "ca", "tls"]).fails(2);
    assert!(
        told.contains("is there already") && told.contains("--force"),
        "{told}"
    );
    let told = place
        .run(["cert", "issue", "tls", "new", "server"])
        .fails(2);
    assert!(told.contains("server.pem is there already"), "{told}");
    assert!(!place.path("tls/new.pem").exists(), "all or nothing");
    assert_eq!(fs::read(place.path("tls/ca.pem")).unwrap(), before);
    place
        .run(["cert", "issue", "tls", "server", "--force"])
        .ok();
    for wrong in ["ca", "../up", "a/b", ".hidden", ""] {
        place.run(["cert", "issue", "tls", wrong]).fails(2);
    }
}

#[test]
fn certificates_say_what_they_are() {
    let place = prepared();
    place
        .run([
            "cert",
            "issue",
            "tls",
            "db",
            "--san",
            "db.example",
            "--san",
            "10.0.0.1",
            "--san",
            "uri:spiffe://example.org/db",
            "--usage",
            "server",
            "--days",
            "30",
        ])
        .ok();
    let shown = place.run(["cert", "show", "tls/db.pem", "--json"]).json();
    assert_eq!(shown["subject"], "CN=db");
    let sans = [
        "dns:db",
        "dns:db.example",
        "ip:10.0.0.1",
        "uri:spiffe://example.org/db",
    ];
    assert_eq!(shown["sans"], serde_json::json!(sans));
    assert_eq!(shown["key_kind"], "ECDSA, 256 bits");
    assert_eq!(shown["may"], "be a server");
    assert!(
        shown["fingerprint"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    let text = place.run(["cert", "show", "tls/db.pem"]).ok();
    assert!(
        text.contains("CN=db") && text.contains("10.0.0.1"),
        "{text}"
    );

    place
        .run(["cert", "renew", "tls", "db", "--days", "60"])
        .ok();
    let renewed = place.run(["cert", "show", "tls/db.pem", "--json"]).json();
    for same in ["subject", "sans", "may", "key_fingerprint"] {
        assert_eq!(renewed[same], shown[same], "{same}");
    }
    for other in ["fingerprint", "not_after"] {
        assert_ne!(renewed[other], shown[other], "{other}");
    }
    place.run(["cert", "show", "tls/db.key"]).fails(2);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let place = prepared();
    let key = place.path("tls/server.key");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let told = place
        .run(["up", "--tls-dir", "tls", "--listen", "tls:127.0.0.1:0"])
        .fails(1);
    assert!(
        told.contains("0644") && told.contains("chmod 600"),
        "{told}"
    );
}

#[test]
fn a_renewed_certificate_is_used_after_a_reload() {
    let place = prepared();
    let node = node(&place);
    let call = |name: &str| {
        let (address, tls) = (node.address(), ["--tls-dir", "tls"]);
        place.run(["call", &address, name, "7", tls[0], tls[1]])
    };
    call("node.echo").ok();
    // The next authority, which nobody has heard of yet.
    place.run(["cert", "ca", "tls", "--force"]).ok();
    place
        .run(["cert", "issue", "tls", "server", "client", "--force"])
        .ok();
    let told = call("node.echo").fails(4);
    assert!(told.contains("no authority that is trusted here"), "{told}");
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    call("node.echo").ok();
    // Nothing changes if a file is gone.
    fs::remove_file(place.path("tls/server.pem")).unwrap();
    node.signal(Signal::HUP);
    node.logs("nothing was changed");
    call("node.echo").ok();
}

#[test]
fn a_name_that_is_not_in_the_certificate_is_told_with_those_that_are() {
    let place = prepared();
    place
        .run([
            "cert",
            "issue",
            "tls",
            "server",
            "--san",
            "other.example",
            "--force",
        ])
        .ok();
    let node = node(&place);
    let told = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "7",
            "--tls-dir",
            "tls",
        ])
        .fails(4);
    assert!(
        told.contains("dns:server, dns:other.example, not for 127.0.0.1") && told.contains("--san"),
        "{told}"
    );
    // The name can be told apart from the address.
    place.write(
        "linkspan.yaml",
        "transport: { tcp: { tls: { server_name: other.example } } }",
    );
    place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "7",
            "--tls-dir",
            "tls",
        ])
        .ok();
}

#[test]
fn the_configuration_says_it_all() {
    let place = prepared();
    place.write(
        "linkspan.yaml",
        r#"
transport:
  default_type: tls
  tcp:
    bind_address: 127.0.0.1:0
    tls_config:
      cert_file: tls/server.pem
      key_file: tls/server.key
      ca_file: tls/ca.pem
      verify_client: true
      min_tls_version: "1.2"
security:
  encryption: { algorithm: ChaCha20Poly1305, key_rotation_interval_s: 600 }
"#,
    );
    let node = place.node::<&str>([]);
    assert!(
        node.address().starts_with("tls:127.0.0.1:"),
        "{}",
        node.address()
    );
    let echo = ["call", &node.address(), "node.echo", "7"];
    assert_eq!(place.run(echo).ok().trim(), "7");
    // A client that speaks only the other cipher finds nothing in common.
    place.write(
        "other.yaml",
        "transport: { tcp: { tls: { ca_file: tls/ca.pem } } }\n\
         security: { encryption: { algorithm: aes-256-gcm } }",
    );
    let told = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "7",
            "-c",
            "other.yaml",
        ])
        .fails(4);
    assert!(told.contains("allowed on both sides"), "{told}");
}

#[test]
fn broker_and_exchange_take_clients_by_tls() {
    let place = prepared();
    let tls = ["--tls-dir", "tls"];
    let mut command = place.command(["bus", "serve", "tls:127.0.0.1:0", "--json"]);
    command.args(tls);
    let broker = Node::start(command);
    let address = broker.ready["addresses"][0].as_str().unwrap().to_owned();
    let at = [
        "bus",
        "clients",
        "--address",
        &address,
        "--json",
        tls[0],
        tls[1],
    ];
    let clients = place.run(at).ok();
    assert!(clients.contains(".broker"), "{clients}");
    let none = place
        .run(["bus", "clients", "--address", &address])
        .fails(4);
    assert!(none.contains("whom to trust"), "{none}");

    let mut command = place.command(["exchange", "serve", "tls:127.0.0.1:0", "--echo", "--json"]);
    command.args(tls);
    let exchange = Node::start(command);
    let address = exchange.ready["address"].as_str().map(str::to_owned);
    let address =
        address.unwrap_or_else(|| exchange.ready["addresses"][0].as_str().unwrap().into());
    place.write("question", "hello");
    let send = [
        "exchange", "send", &address, "--file", "question", tls[0], tls[1],
    ];
    assert!(place.run(send).ok().contains("hello"));
}
