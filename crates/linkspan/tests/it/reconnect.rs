//! Clients that survive their server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use linkspan::Address;
use linkspan::rpc::{CallError, Client, ClientConfig, Context, Request, Router, Server, Serving};
use linkspan_test::conformance::{Place, Server as TestServer};
use linkspan_test::wait;
use serde_json::Value;

use crate::support::{LOCAL, SCHEMES, address, limit_local};

fn counting(calls: &Arc<AtomicUsize>) -> Router {
    let (calls, hanging) = (Arc::clone(calls), Arc::clone(calls));
    Router::new()
        .method("count", move |_: Value, _: Context| {
            let count = calls.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, CallError>(count) }
        })
        .method("hang", move |_: Value, _: Context| {
            hanging.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<usize, CallError>>()
        })
}

async fn serve(address: &Address, calls: &Arc<AtomicUsize>) -> Serving {
    Server::new()
        .service(counting(calls))
        .listen(address)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_survives_restarts_of_its_server_on_every_transport() {
    for scheme in SCHEMES {
        let directory = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let mut serving = serve(&address(scheme, &directory), &calls).await;
        let address = serving.address().clone();
        let client = Client::connect(&address).await.unwrap();
        for round in 0..5 {
            assert_eq!(
                client.send_request("count", &()).await,
                Ok(round),
                "{scheme}"
            );
            serving.stop(Duration::from_secs(1)).await;
            serving = serve(&address, &calls).await;
        }
        assert_eq!(client.send_request("count", &()).await, Ok(5), "{scheme}");
    }
}

#[tokio::test]
async fn a_call_while_the_server_is_away_waits_and_runs_once() {
    let directory = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let serving = serve(&address(LOCAL, &directory), &calls).await;
    let address = serving.address().clone();
    let client = Client::connect(&address).await.unwrap();
    serving.stop(Duration::from_secs(1)).await;
    let caller = client.clone();
    let call = tokio::spawn(async move { caller.send_request::<usize>("count", &()).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!call.is_finished());
    let _serving = serve(&address, &calls).await;
    assert_eq!(wait::within("the call", call).await.unwrap(), Ok(0));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_without_server_fails_at_its_deadline_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let serving = serve(&address(LOCAL, &directory), &Arc::default()).await;
    let client = Client::connect(serving.address()).await.unwrap();
    serving.stop(Duration::from_secs(1)).await;
    let mut request = Request::new("count", "");
    request.timeout = Some(Duration::from_millis(200));
    let began = Instant::now();
    let error = client.call(request).await.unwrap_err();
    assert!(
        (200..2_000).contains(&began.elapsed().as_millis()),
        "{:?}",
        began.elapsed()
    );
    let CallError::NotAccepted { reason, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        reason.contains(&format!("cannot connect to {LOCAL}:")),
        "{reason}"
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn what_may_have_run_is_not_repeated_unless_it_is_idempotent() {
    let mut server = TestServer::spawn(Place::LOCAL);
    let client = server.client().await;
    let hanging = |idempotent| {
        let client = client.clone();
        let mut request = Request::new("never", "");
        request.idempotent = idempotent;
        request.timeout = Some(Duration::from_secs(30));
        tokio::spawn(async move { client.call(request).await })
    };
    let (once, again) = (hanging(false), hanging(true));
    wait::until("both are sent", || {
        client
            .connection()
            .is_some_and(|connection| connection.stats().session.streams_open == 2)
    })
    .await;
    // They are handled, not only sent: a later call has been answered.
    let _: u32 = client.send_request("pid", &()).await.unwrap();
    server.kill();
    let error = wait::within("the call", once).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");

    let calls = Arc::new(AtomicUsize::new(0));
    let router = counting(&calls).method("never", async |_: Value, _: Context| {
        Ok::<_, CallError>("answered by the next server")
    });
    let _serving = Server::new()
        .service(router)
        .listen(&server.address)
        .await
        .unwrap();
    let answer = wait::within("the repeated call", again)
        .await
        .unwrap()
        .unwrap();
    let payload = answer.collect().await.unwrap();
    assert_eq!(
        payload.codec.decode::<String>(&payload.bytes).unwrap(),
        "answered by the next server"
    );
}

#[tokio::test]
async fn a_busy_servers_hint_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = linkspan::rpc::ServerConfig::default();
    limit_local(&mut config, 1);
    let server = || {
        Server::new()
            .config(config.clone())
            .service(counting(&Arc::default()))
    };
    let serving = server().listen(&address(LOCAL, &directory)).await.unwrap();
    let address = serving.address().clone();
    let client = Client::connect(&address).await.unwrap();
    serving.stop(Duration::from_secs(1)).await;
    // Somebody else takes the only place of the next server before the client is back.
    let serving = server().listen(&address).await.unwrap();
    let other = loop {
        let mut once = ClientConfig::default();
        once.reconnect = None;
        match Client::connect_with(&address, once, Router::new()).await {
            Ok(other) => break other,
            Err(_) if client.connection().is_some() => return, // The client was faster.
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    };
    let call = tokio::spawn(async move { client.send_request::<usize>("count", &()).await });
    wait::until("it was refused", || {
        serving.stats().any(|(_, stats)| stats.refused_busy > 0)
    })
    .await;
    drop(other);
    assert!(wait::within("the call", call).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_client_without_reconnect_says_that_the_connection_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let serving = serve(&address(LOCAL, &directory), &Arc::default()).await;
    let mut config = ClientConfig::default();
    config.reconnect = None;
    let client = Client::connect_with(serving.address(), config, Router::new())
        .await
        .unwrap();
    let began = Instant::now();
    serving.stop(Duration::from_secs(5)).await;
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "nothing was under way"
    );
    wait::until("it is gone", || client.connection().is_none()).await;
    let error = client
        .send_request::<usize>("count", &())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::NotAccepted { .. }), "{error}");
}
