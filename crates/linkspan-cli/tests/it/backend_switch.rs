//! `linkspan transport switch`, on nodes that are at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use linkspan::rpc::{Client, ClientConfig, Router};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Place, until};

const BACKENDS: [&str; 3] = ["legacy", "interprocess", "tokio"];

/// The acceptance of issue 3: 4 clients in a loop, 20 switches, no failed request.
#[test]
fn a_loaded_node_is_switched_without_a_failed_request() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let load = Load::start(4, &node.address());
    let mut before = load.counts();
    for number in 0..20 {
        let backend = BACKENDS[number % BACKENDS.len()];
        let switched = place.run(["transport", "switch", backend, "--json"]).json();
        assert_eq!(switched["switched"][0]["to"], backend, "{switched}");
        // Every client is served by what accepts now, on connections kept and new.
        until("all clients go on", || load.all_beyond(&before));
        before = load.counts();
    }
    let [kept, fresh] = load.stop();
    let listener = place.run(["transport", "status", "--json"]).json()["listeners"][0].take();
    assert_eq!(listener["errors"], 0, "{listener}");
    assert_eq!(listener["refused_busy"], 0, "{listener}");
    println!(
        "backend switch on a loaded node: 4 clients, 20 switches, {kept} requests on kept and {fresh} \
         on new connections, 0 failed"
    );
    assert_eq!(node.log().matches("backend switched").count(), 20);
}

/// Clients that call without pause, on a connection that they keep and on new ones in turn.
struct Load {
    clients: Vec<JoinHandle<()>>,
    counts: Arc<[[AtomicU64; 2]]>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn start(clients: usize, address: &str) -> Self {
        let counts: Arc<[[AtomicU64; 2]]> = (0..clients).map(|_| Default::default()).collect();
        let is_over = Arc::new(AtomicBool::new(false));
        let client = |number: usize| {
            let (address, counts) = (address.to_owned(), Arc::clone(&counts));
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || call_again(&address, &counts[number], &is_over))
        };
        Self {
            clients: (0..clients).map(client).collect(),
            counts,
            is_over,
        }
    }

    fn counts(&self) -> Vec<[u64; 2]> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.counts
            .iter()
            .map(|both| both.each_ref().map(count))
            .collect()
    }

    fn all_beyond(&self, before: &[[u64; 2]]) -> bool {
        assert!(
            self.clients.iter().all(|client| !client.is_finished()),
            "a client failed"
        );
        let now = self.counts();
        let mut pairs = now.iter().zip(before);
        pairs.all(|(now, before)| now[0] >= before[0] + 40 && now[1] >= before[1] + 10)
    }

    /// Ends it; gives how many requests went over kept and over new connections.
    #[track_caller]
    fn stop(self) -> [u64; 2] {
        self.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("no request fails");
        }
        let counts = self.counts.iter();
        counts.fold([0, 0], |sum, both| {
            [0, 1].map(|index| sum[index] + both[index].load(Ordering::Relaxed))
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn call_again(
    address: &str,
    [kept_count, fresh_count]: &[AtomicU64; 2],
    is_over: &AtomicBool,
) {
    let kept = connect(address).await;
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..4 {
            echo(&kept).await;
            kept_count.fetch_add(1, Ordering::Relaxed);
        }
        let fresh = connect(address).await;
        echo(&fresh).await;
        fresh_count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client that does not come back by itself: a lost connection is a failure.
async fn connect(address: &str) -> Client {
    let mut config = ClientConfig::default();
    config.reconnect = None;
    Client::connect_with(address, config, Router::new())
        .await
        .expect("a connection")
}

async fn echo(client: &Client) {
    let back: String = client
        .send_request("node.echo", &"hello")
        .await
        .expect("an answer");
    assert_eq!(back, "hello");
}

#[test]
fn a_switch_says_what_it_did_and_that_it_does_not_last() {
    let place = Place::new();
    let file = place.write("linkspan.yaml", "ipc: { transport: tokio }");
    let node = place.node(["--listen", &place.address(), "--listen", "tcp:127.0.0.1:0"]);
    let switched = place.run(["transport", "switch", "Legacy"]);
    assert!(switched.stdout.contains("tokio -> legacy"), "{switched:?}");
    assert!(switched.stdout.contains("has no choice"), "{switched:?}");
    assert!(
        switched
            .stderr
            .contains("puts back what its configuration says"),
        "{switched:?}"
    );
    let again = place.run([
        "transport",
        "switch",
        "legacy",
        "--address",
        &place.address(),
    ]);
    assert!(again.ok().contains("legacy already"));
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "ipc: { transport: tokio }"
    );

    node.signal(Signal::HUP);
    node.logs("from=legacy to=tokio");
    let status = place.run(["status", "--json"]).json();
    assert_eq!(status["status"]["listeners"][0]["backend"], "tokio");
}

#[test]
fn a_switch_that_cannot_be_is_refused() {
    let place = Place::new();
    let unknown = place
        .run(["transport", "switch", "carrier-pigeon"])
        .fails(2);
    assert!(
        unknown.contains("is not one of tokio, interprocess, legacy"),
        "{unknown}"
    );
    let nobody = place.run(["transport", "switch", "legacy"]).fails(4);
    assert!(nobody.contains("linkspan up"), "{nobody}");

    let node = place.node(["--listen", "tcp:127.0.0.1:0", "--listen", &place.address()]);
    // Over TCP nobody can prove to be the node's user.
    let switch = [
        "transport",
        "switch",
        "legacy",
        "--address",
        &node.address(),
    ];
    let denied = place.run(switch).fails(5);
    assert!(denied.contains("only the node's own user"), "{denied}");
    let wrong = place.run([
        "call",
        &place.address(),
        "node.switch_backend",
        r#"{"backend": "x"}"#,
    ]);
    assert!(wrong.fails(5).contains("is not one of tokio"));
    let status = place.run(["status", "--json"]).json();
    let backends: Vec<_> = status["status"]["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert_eq!(backends[1]["backend"], "tokio", "{status}");
    assert_eq!(backends[0]["backend"], Value::Null, "{status}");
}
