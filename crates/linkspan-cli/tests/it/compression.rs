//! `performance.enable_compression`, `compression_level` and `security.encryption.compression_enabled`.

use linkspan::compression::Reach;
use linkspan::rpc::{Client, ClientConfig, Router};
use linkspan::transport::Pem;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::support::{Node, Place};

/// What a node says that compressing saves, with a client that has just asked it for something long.
fn saved(place: &Place, node: &Node, tls: &[&str]) -> Value {
    let address: linkspan::Address = node.address().parse().unwrap();
    let mut config = ClientConfig::default();
    config.session.compression.reach = Reach::Everywhere;
    config.session.compression.on_encrypted = true;
    if !tls.is_empty() {
        let files = &mut config.transport.tls;
        files.authorities = vec![Pem::file(place.path("tls/ca.pem"))];
        files.certificate = Some(Pem::file(place.path("tls/client.pem")));
        files.key = Some(Pem::file(place.path("tls/client.key")));
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(async {
        let client = Client::connect_with(address, config, Router::new()).await;
        let client = client.unwrap();
        let methods: Value = client.send_request("node.methods", &()).await.unwrap();
        assert!(methods.as_array().unwrap().len() > 3);
        let words = "again and ".repeat(10_000);
        let echoed: String = client.send_request("node.echo", &words).await.unwrap();
        assert_eq!(echoed, words);
        client
    });
    let status = ["status", &node.address(), "--json"];
    let status = place.run(status.iter().chain(tls)).json();
    drop(client);
    let connections = status["status"]["connections"].as_array().unwrap().clone();
    let by_requests = |connection: &&Value| connection["requests"] == 2;
    let asked = connections.iter().find(by_requests).unwrap();
    asked["compression"].clone()
}

#[test]
fn a_node_compresses_over_tcp_if_it_is_told_to() {
    let place = Place::new();
    let silent = place.node(["--listen", "tcp:127.0.0.1:0"]);
    assert_eq!(saved(&place, &silent, &[]), Value::Null);
    drop(silent);

    place.write(
        "linkspan.yaml",
        "performance: { enable_compression: true, compression_level: 9 }\n",
    );
    let node = place.node(["--listen", "tcp:127.0.0.1:0"]);
    let saved = saved(&place, &node, &[]);
    assert_eq!(saved["algorithm"], "zstd");
    let figure = |name: &str| saved[name].as_u64().unwrap();
    assert!(figure("sent_bytes") > 100_000, "{saved}");
    assert!(figure("received_bytes") > 100_000, "{saved}");
    assert!(figure("sent_compressed_bytes") < 10_000, "{saved}");
    assert!(figure("received_compressed_bytes") < 10_000, "{saved}");
    let words = "again and ".repeat(1000);
    let echo = format!("{words:?}");
    let call = ["call", &node.address(), "node.echo", &echo];
    assert_eq!(place.run(call).ok().trim(), echo);
}

#[test]
fn local_sockets_are_left_alone() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "performance: { enable_compression: true }\n",
    );
    let node = place.node::<&str>([]);
    assert_eq!(saved(&place, &node, &[]), Value::Null);
}

#[test]
fn under_tls_it_has_to_be_asked_for_by_itself() {
    let place = Place::new();
    place.run(["cert", "ca", "tls"]).ok();
    place.run(["cert", "issue", "tls", "server", "client"]).ok();
    let tls = ["--tls-dir", "tls"];
    let listen = ["--tls-dir", "tls", "--listen", "tls:127.0.0.1:0"];
    place.write(
        "linkspan.yaml",
        "performance: { enable_compression: true }\n",
    );
    let node = place.node(listen);
    assert_eq!(saved(&place, &node, &tls), Value::Null);
    drop(node);
    place.write(
        "linkspan.yaml",
        "performance: { enable_compression: true }\n\
         security: { encryption: { compression_enabled: true } }\n",
    );
    let node = place.node(listen);
    assert_eq!(saved(&place, &node, &tls)["algorithm"], "zstd");
}

#[test]
fn a_level_that_zstandard_does_not_have_is_refused() {
    let place = Place::new();
    for level in ["0", "23", "300"] {
        let text = format!("performance: {{ compression_level: {level} }}\n");
        place.write("linkspan.yaml", &text);
        let refused = place.run(["config", "check"]).fails(3);
        let told = format!("{level} is no level of Zstandard, which has 1 to 22");
        assert!(refused.contains(&told), "{refused}");
    }
}
