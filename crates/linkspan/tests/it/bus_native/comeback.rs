//! Brokers that are killed under load.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linkspan::bus::{Client, Delivery};
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;

use super::scene::next;

/// A broker in a process of its own; dropping it kills it.
struct Process(Child);

impl Process {
    fn start(socket: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program)
            .args([
                "--exact",
                "bus_native::comeback::a_broker_for_others",
                "--nocapture",
            ])
            .args(["--ignored"])
            .env("LINKSPAN_TEST_BROKER", socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Not a test: what the process of a broker runs.
#[tokio::test]
#[ignore = "it is what the other tests start"]
async fn a_broker_for_others() {
    let Some(socket) = std::env::var_os("LINKSPAN_TEST_BROKER") else {
        return;
    };
    let address = linkspan::Address::Unix(socket.into());
    let _serving = linkspan::bus::Broker::new().listen(address).await.unwrap();
    std::future::pending::<()>().await;
}

async fn client(socket: &Path, name: &str) -> Client {
    let address = linkspan::Address::Unix(socket.into());
    let connected = async {
        loop {
            match Client::connect(&address, name).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    wait::within("the broker to be there", connected).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_back_to_a_broker_that_was_killed_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bus.sock");
    let broker = Process::start(&socket);
    let (publisher, subscriber) = (client(&socket, "one").await, client(&socket, "two").await);
    let mut subscription = subscriber.subscribe("load/#").await.unwrap();
    let (sent, is_over) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let load = {
        let (publisher, sent) = (publisher.clone(), Arc::clone(&sent));
        let is_over = Arc::clone(&is_over);
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                publisher.publish_unacked("load/x", &number).await.unwrap();
            }
        })
    };
    let mut last = 0;
    let mut broker = Some(broker);
    for round in 0..3 {
        for _ in 0..1000 {
            let message = next(&mut subscription).await;
            last = message.decode().unwrap();
        }
        broker.take().unwrap().kill();
        broker = Some(Process::start(&socket));
        // What the connection still held comes first, and then the gap is seen.
        let gap = loop {
            let message = next(&mut subscription).await;
            let number: u64 = message.decode().unwrap();
            assert!(number > last, "{number} after {last} in round {round}");
            last = number;
            if let Some(gap) = message.gap() {
                break gap;
            }
        };
        assert!(gap.is_disconnected, "round {round}");
    }
    is_over.store(true, Ordering::Relaxed);
    wait::within("the load to end", load).await.unwrap();
    while next(&mut subscription).await.decode::<u64>().unwrap() + 1 < sent.load(Ordering::Relaxed)
    {
    }
    assert_eq!(
        publisher.publish("load/y", &0).await,
        Ok(Delivery::Delivered)
    );
}

#[tokio::test]
async fn calls_fail_with_the_broker_and_names_are_served_again() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bus.sock");
    let broker = Process::start(&socket);
    let (caller, callee) = (client(&socket, "one").await, client(&socket, "two").await);
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let hang = move |_: (), _: Context| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.ok();
            std::future::pending::<Result<(), CallError>>().await
        }
    };
    let router = Router::new().method("hang", hang);
    callee.serve(router.method("double", async |number: i64, _: Context| {
        Ok::<_, CallError>(2 * number)
    }));
    let remote = caller.remote("two");
    let hanging = tokio::spawn(async move { remote.send_request::<()>("hang", &()).await });
    wait::within("the call to begin", has_begun.recv()).await;
    broker.kill();
    let failed = wait::within("the call to fail", hanging).await.unwrap();
    assert!(
        matches!(failed, Err(CallError::OutcomeUnknown { .. })),
        "{failed:?}"
    );

    let _broker = Process::start(&socket);
    let remote = caller.remote("two");
    let answered = async {
        loop {
            match remote.send_request::<i64>("double", &21).await {
                // The callee needs longer than the caller.
                Err(CallError::NotAccepted { .. }) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    assert_eq!(wait::within("an answer", answered).await, Ok(42));
}
