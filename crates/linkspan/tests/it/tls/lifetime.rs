//! What becomes of connections under TLS as time goes by.

use std::time::Duration;

use linkspan::codec::Raw;
use linkspan::rpc::{Client, Disconnected};
use linkspan::transport::TlsError;
use linkspan_test::certificates::Authority;
use linkspan_test::wait;

use super::{Scene, check_alive, connect, listen, reason, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_under_connections_that_stay() {
    let scene = Scene::new();
    let mut server = listen(scene.server_config()).await;
    let before = connect(&server, scene.client_config()).await.unwrap();
    check_alive(&before).await;
    let first = fingerprint(&before);

    let renewed = scene.authority.issue(&["127.0.0.1"]);
    let renewed = settings(renewed.config(&scene.authority.pem));
    server.reconfigure(renewed).await.unwrap();
    let after = connect(&server, scene.client_config()).await.unwrap();
    assert_ne!(fingerprint(&after), first);
    check_alive(&before).await;

    // Nothing changes if anything is wrong.
    let mut wrong = settings(scene.server_config());
    wrong.transport.tls.key = None;
    let error = server.reconfigure(wrong).await.unwrap_err();
    assert!(TlsError::find(&error).is_some(), "{error:?}");
    let again = connect(&server, scene.client_config()).await.unwrap();
    assert_eq!(fingerprint(&again), fingerprint(&after));

    // Who trusts another authority from now on refuses those of the old one.
    let other = Authority::new("the next authority");
    let moved = other.issue(&["127.0.0.1"]).config(&other.pem);
    server.reconfigure(settings(moved)).await.unwrap();
    let error = connect(&server, scene.client_config()).await.unwrap_err();
    assert!(
        matches!(reason(&error), TlsError::UnknownAuthority),
        "{error:?}"
    );
    check_alive(&before).await;
    check_alive(&after).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_renewed_under_load_and_no_call_fails() {
    let scene = Scene::new();
    let mut config = scene.server_config();
    (config.refresh_bytes, config.refresh_interval) = (10_000, Duration::from_millis(5));
    let server = listen(config).await;
    let mut config = scene.client_config();
    config.refresh_bytes = 7_000;
    let client = connect(&server, config).await.unwrap();
    let callers: Vec<_> = (0..8)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..50 {
                    let body = Raw(vec![number; 1000 * (round % 7) + 1].into());
                    let answer: Raw = client.send_request("echo", &body).await.unwrap();
                    assert_eq!(answer.0, body.0);
                }
            })
        })
        .collect();
    for caller in callers {
        wait::within("a caller", caller).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_in_order_is_told_from_a_cut() {
    let scene = Scene::new();
    let server = listen(scene.server_config()).await;
    let client = connect(&server, scene.client_config()).await.unwrap();
    let connection = client.connection().unwrap();
    server.stop(Duration::from_secs(5)).await;
    let ended = wait::within("the end", connection.ended()).await;
    assert!(
        matches!(
            ended,
            Disconnected::Goodbye { .. } | Disconnected::PeerClosed
        ),
        "{ended:?}"
    );
}

fn fingerprint(client: &Client) -> [u8; 32] {
    let connection = client.connection().unwrap();
    connection.peer().certificate.as_ref().unwrap().fingerprint
}
