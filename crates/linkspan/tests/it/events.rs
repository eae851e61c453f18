//! Events: told in order, handled one after the other, never in the way of calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;
use serde_json::{Value, json};

use crate::support::{LOCAL, SCHEMES, pair};

/// A router that remembers the numbers that events brought, each after a pause.
fn remember(pause: Duration) -> (Router, Arc<Mutex<Vec<u64>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&seen);
    let router = Router::new()
        .on_event("number", move |number: u64, _: Context| {
            let remembered = Arc::clone(&remembered);
            async move {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                assert_ne!(number, 13, "a handler that panics");
                remembered.lock().unwrap().push(number);
            }
        })
        .method("ping", async |_: Value, _: Context| {
            Ok::<_, CallError>("pong")
        });
    (router, seen)
}

#[tokio::test]
async fn events_are_handled_in_order_on_every_transport() {
    for (scheme, pause) in SCHEMES
        .into_iter()
        .zip([0, 1, 0].map(Duration::from_millis))
    {
        let (router, seen) = remember(pause);
        let pair = pair(scheme, router).await;
        for number in 100..400_u64 {
            pair.client.send_event("number", &number).await.unwrap();
        }
        wait::until("all are handled", || seen.lock().unwrap().len() == 300).await;
        assert_eq!(*seen.lock().unwrap(), (100..400).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn slow_event_handlers_hold_up_events_but_no_calls() {
    let (router, seen) = remember(Duration::from_millis(20));
    let pair = pair(LOCAL, router).await;
    for number in 100..120_u64 {
        pair.client.send_event("number", &number).await.unwrap();
    }
    assert_eq!(
        pair.client.send_request("ping", &()).await,
        Ok("pong".to_owned())
    );
    assert!(
        seen.lock().unwrap().len() < 20,
        "the call did not wait for the events"
    );
    wait::until("all are handled", || seen.lock().unwrap().len() == 20).await;
}

#[tokio::test]
async fn a_sender_waits_when_unhandled_events_fill_the_credit() {
    let router = Router::new().on_event("big", async |_: Raw, _: Context| {
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let pair = pair(LOCAL, router).await;
    let sending = async {
        for _ in 0..100 {
            pair.client
                .send_event("big", &Raw(vec![0; 500_000].into()))
                .await
                .unwrap();
        }
    };
    let blocked = tokio::time::timeout(Duration::from_millis(500), sending).await;
    assert!(blocked.is_err(), "50 MB do not fit into 6 MiB of credit");
}

#[tokio::test]
async fn a_panicking_or_unknown_event_harms_nothing() {
    let (router, seen) = remember(Duration::ZERO);
    let pair = pair(LOCAL, router).await;
    pair.client
        .send_event("nobody listens", &json!({}))
        .await
        .unwrap();
    pair.client
        .send_event("number", "not a number")
        .await
        .unwrap();
    pair.client.send_event("number", &13_u64).await.unwrap();
    pair.client.send_event("number", &14_u64).await.unwrap();
    wait::until("the last is handled", || *seen.lock().unwrap() == [14]).await;
}

#[tokio::test]
async fn a_server_tells_its_clients_too() {
    let (router, seen) = remember(Duration::ZERO);
    let server = linkspan::rpc::Server::new();
    let directory = tempfile::tempdir().unwrap();
    let serving = server
        .listen(&crate::support::address(LOCAL, &directory))
        .await
        .unwrap();
    let config = linkspan::rpc::ClientConfig::default();
    let _client = linkspan::rpc::Client::connect_with(serving.address(), config, router)
        .await
        .unwrap();
    wait::until("it is connected", || serving.connections().len() == 1).await;
    serving.connections()[0]
        .send_event("number", &77_u64)
        .await
        .unwrap();
    wait::until("it is handled", || *seen.lock().unwrap() == [77]).await;
}
