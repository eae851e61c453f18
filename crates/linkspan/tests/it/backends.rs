//! Local sockets are carried by any backend, and by another one from one moment to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linkspan::rpc::{CallError, Client, ClientConfig, Context, Router, Server, ServerConfig};
use linkspan::transport::Backend;
use linkspan_test::conformance::Place;
use linkspan_test::wait;

/// The backends of this system.
fn all() -> impl Iterator<Item = Backend> + Clone {
    Backend::ALL
        .into_iter()
        .filter(|backend| backend.check().is_ok())
}

fn config(backend: Backend) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.transport.backend = backend;
    config
}

fn doubler() -> Server {
    Server::new().method("double", async |number: u64, _: Context| {
        Ok::<_, CallError>(2 * number)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_drops_no_connection_and_fails_no_call() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving = doubler()
        .listen(Place::LOCAL.address(&directory))
        .await
        .unwrap();
    let address = serving.address().clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));
    let mut callers = Vec::new();
    for number in 0..4 {
        let (address, is_over, calls) = (address.clone(), Arc::clone(&is_over), Arc::clone(&calls));
        callers.push(tokio::spawn(async move {
            let kept = once(&address, Backend::Tokio).await;
            while !is_over.load(Ordering::Relaxed) {
                let fresh = once(&address, Backend::Tokio).await;
                for client in [&kept, &fresh] {
                    let doubled: u64 = client.send_request("double", &number).await.unwrap();
                    assert_eq!(doubled, 2 * number);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    for backend in all().cycle().skip(1).take(20) {
        serving.reconfigure(config(backend)).await.unwrap();
        let (_, health) = serving.health().next().unwrap();
        assert_eq!(health.backend, Some(backend));
        let before = calls.load(Ordering::Relaxed);
        wait::until("calls go on", || {
            calls.load(Ordering::Relaxed) >= before + 20
        })
        .await;
    }
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        wait::within("the caller", caller)
            .await
            .expect("no call failed");
    }
    let (_, stats) = serving.stats().next().unwrap();
    assert_eq!((stats.accept_errors, stats.failed_handshakes), (0, 0));
}

async fn once(address: &linkspan::Address, backend: Backend) -> Client {
    let mut config = ClientConfig::default();
    config.reconnect = None;
    config.transport.backend = backend;
    Client::connect_with(address, config, Router::new())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_choose_for_themselves_and_each_connection_names_its_own() {
    let directory = tempfile::tempdir().unwrap();
    for server in all() {
        let address = Place::LOCAL.address(&directory);
        let serving = doubler()
            .config(config(server))
            .listen(address)
            .await
            .unwrap();
        for client in all() {
            let client = once(serving.address(), client).await;
            let doubled: u64 = client.send_request("double", &21_u64).await.unwrap();
            assert_eq!(doubled, 42);
        }
        let used = |serving: &linkspan::rpc::Serving| {
            let connections = serving.connections();
            connections
                .iter()
                .all(|one| one.peer().backend == Some(server))
        };
        assert!(used(&serving));
        serving.stop(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn health_counts_what_was_called() {
    let directory = tempfile::tempdir().unwrap();
    let serving = doubler()
        .method("fail", async |_: u64, _: Context| {
            Err::<u64, _>(CallError::Cancelled)
        })
        .method("wait", async |millis: u64, _: Context| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, CallError>(())
        })
        .listen(Place::LOCAL.address(&directory))
        .await
        .unwrap();
    let client = once(serving.address(), Backend::Tokio).await;
    for number in 0..10_u64 {
        let _: u64 = client.send_request("double", &number).await.unwrap();
    }
    client
        .send_request::<u64>("fail", &0_u64)
        .await
        .unwrap_err();
    let () = client.send_request("wait", &200_u64).await.unwrap();

    let (_, health) = serving.health().next().unwrap();
    assert_eq!(health.connection_count, 1);
    assert_eq!((health.totals.messages, health.totals.errors), (12, 1));
    assert_eq!(health.latency.count, 12);
    assert!(health.handling.max >= Duration::from_millis(200));
    assert!(health.waiting.p50 < Duration::from_millis(100));
    assert!(health.average_latency() >= Duration::from_millis(200) / 12);
    let error = health.last_error.expect("one call failed");
    assert!(error.at_ms > 0 && !error.message.is_empty());
    drop(client);
    wait::until("the connection is gone", || {
        serving.health().next().unwrap().1.connection_count == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_for_a_thread_is_no_handling() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = ServerConfig::default();
    config.session.max_blocking_handlers = 1;
    let serving = Server::new()
        .method("block", async |millis: u64, _: Context| {
            std::thread::sleep(Duration::from_millis(millis));
            Ok::<_, CallError>(())
        })
        .config(config)
        .listen(Place::LOCAL.address(&directory))
        .await
        .unwrap();
    let client = once(serving.address(), Backend::Tokio).await;
    // The first one shows that the method keeps its thread.
    let () = client.send_request("block", &20_u64).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { client.send_request::<()>("block", &20_u64).await });
    }
    while let Some(answer) = calls.join_next().await {
        answer.unwrap().unwrap();
    }
    let (_, health) = serving.health().next().unwrap();
    assert_eq!(health.handling.count, 11);
    // The last of the ten waited for nine others, however slow the machine is.
    assert!(
        health.waiting.max >= Duration::from_millis(9 * 20),
        "{health:?}"
    );
    assert!(health.waiting.sum > health.handling.sum, "{health:?}");
}
