//! `linkspan transport analyze`: what it finds at nodes that are slow for a known reason.

use std::process::Stdio;

use bytes::Bytes;
use linkspan::rpc::Client;
use linkspan_test::raw::RawClient;
use linkspan_test::wait;
use proto::frame::Flags;
use proto::message::{Message, Request};
use serde_json::Value;

use crate::support::{Node, Place, Ran, finish};

/// A node, and a connection that it is watched by.
struct Scene {
    place: Place,
    node: Node,
    watcher: Client,
}

impl Scene {
    async fn start(config: &str) -> Self {
        let place = Place::new();
        place.write("linkspan.yaml", config);
        let node = place.node(["--also", "trial-methods"]);
        let watcher = Client::connect(node.address().as_str()).await.unwrap();
        Self {
            place,
            node,
            watcher,
        }
    }

    async fn status(&self) -> Value {
        self.watcher.send_request("node.status", &()).await.unwrap()
    }

    async fn connection(&self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        let mut status = self.status().await;
        let connections = status["connections"].as_array_mut().unwrap();
        connections
            .iter_mut()
            .find(|connection| fits(connection))
            .map(Value::take)
    }

    /// Analyzes while there is `trouble`; gives what it printed.
    async fn analyze(&self, options: &[&str], trouble: impl AsyncFnOnce(&Self)) -> Ran {
        let mut command = self.place.command(["transport", "analyze"]);
        let command = command
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // Its first look is over: what happens from now on happens in its window.
        let looks =
            |connection: &Value| connection["client"] == "linkspan" && connection["requests"] == 1;
        self.until(looks).await;
        trouble(self).await;
        tokio::task::spawn_blocking(|| finish(child)).await.unwrap()
    }

    /// Waits for a connection.
    async fn until(&self, fits: impl Fn(&Value) -> bool) {
        let looking = async {
            while self.connection(&fits).await.is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        wait::within("a connection", looking).await;
    }
}

/// The finding that has this cause. On a machine under load handlers may be slow, too; there is no
/// other.
#[track_caller]
fn finding(ran: Ran, cause: &str) -> Value {
    let mut report = ran.json();
    let findings = report["listeners"][0]["findings"].as_array_mut().unwrap();
    let others = ["handler", cause];
    let is_expected = |finding: &Value| others.contains(&finding["cause"].as_str().unwrap());
    assert!(findings.iter().all(is_expected), "{findings:?}");
    let found = findings
        .iter_mut()
        .find(|finding| finding["cause"] == cause);
    found.unwrap_or_else(|| panic!("no finding {cause}")).take()
}

const WINDOW: [&str; 5] = ["--type", "unix-socket", "--duration", "1500ms", "--json"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handler_is_found() {
    let scene = Scene::start("").await;
    let ran = scene
        .analyze(&WINDOW, async |scene| {
            for _ in 0..4 {
                let () = scene
                    .watcher
                    .send_request("trial.sleep", &50)
                    .await
                    .unwrap();
            }
        })
        .await;
    let finding = finding(ran, "handler");
    assert_eq!(finding["config"]["key"], "performance.request_timeout_ms");
    assert!(
        finding["evidence"]
            .as_str()
            .unwrap()
            .contains("handlers take"),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_found_and_named() {
    let scene = Scene::start("").await;
    let address = scene.node.address().parse().unwrap();
    let mut silent = RawClient::open(&address).await.unwrap();
    let ran = scene
        .analyze(&WINDOW, async |scene| {
            let body = Bytes::from(vec![0x5A; 512 * 1024]);
            for stream in [1, 3] {
                let request = Message::Request(Request::new("node.echo", body.clone()));
                silent.send(stream, Flags::END, request).await.unwrap();
            }
            scene
                .until(|connection| !connection["stalled_ms"].is_null())
                .await;
        })
        .await;
    let finding = finding(ran, "write-stalls");
    let evidence = finding["evidence"].as_str().unwrap();
    assert!(
        evidence.contains(&format!("pid:{}", std::process::id())),
        "{evidence}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_node_is_found() {
    // One place for who watches, one for who analyzes.
    let scene = Scene::start("transport: { unix_socket: { max_connections: 2 } }").await;
    let refused = async |scene: &Scene| {
        for _ in 0..3 {
            scene.place.run(["status"]).fails(5);
        }
    };
    let finding = finding(scene.analyze(&WINDOW, refused).await, "refused");
    assert!(
        finding["evidence"]
            .as_str()
            .unwrap()
            .starts_with("3 connections"),
        "{finding}"
    );
    assert_eq!(
        finding["config"]["key"],
        "transport.unix_socket.max_connections"
    );
    assert_eq!(finding["config"]["value"], "4");

    let text = scene.analyze(&["--duration", "1500ms"], refused).await.ok();
    for words in [
        "refused: 3 connections",
        "2 places",
        "transport.unix_socket.max_connections: 4",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // What it says helps.
    scene
        .place
        .write("linkspan.yaml", "transport.unix_socket.max_connections: 4");
    scene.node.signal(rustix::process::Signal::HUP);
    scene.node.logs("configuration was read again");
    let helped = async |scene: &Scene| {
        scene.place.run(["status"]).ok();
    };
    let text = scene.analyze(&["--duration", "1500ms"], helped).await.ok();
    assert!(text.contains("nothing is slow"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_fail_are_found() {
    let scene = Scene::start("").await;
    let ran = scene
        .analyze(&WINDOW, async |scene| {
            scene
                .watcher
                .send_request::<()>("node.ehco", &())
                .await
                .unwrap_err();
        })
        .await;
    let finding = finding(ran, "errors");
    assert!(
        finding["evidence"].as_str().unwrap().contains("node.ehco"),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transport_that_the_node_does_not_listen_on_is_an_error() {
    let scene = Scene::start("").await;
    let analyze = ["transport", "analyze", "--type", "tcp"];
    let complaint = scene.place.run(analyze).fails(2);
    assert!(complaint.contains("it has unix:"), "{complaint}");
    scene
        .place
        .run(["transport", "analyze", "--duration", "0s"])
        .fails(2);
}
