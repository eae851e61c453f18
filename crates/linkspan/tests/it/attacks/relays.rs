//! A server that the client takes for another passes on what is said, under TLS of its own.

use linkspan::Address;
use linkspan::auth::Credential;
use linkspan_test::certificates::{accept_as, connect_as};
use tokio::net::{TcpListener, TcpStream};

use super::Noted::Audited;
use super::town::{Town, chain, connect, tls_at};
use super::{Attack, all_are_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_holds_for_its_own_connection() {
    let town = Town::new().await;
    all_are_refused(&town, RELAYS).await;
    // It is the same key that is taken on the direct way.
    let key = Credential::key(town.key.clone());
    let ada = connect(town.address(), town.tls_of_ada(), Some(key)).await;
    assert!(ada.is_ok(), "{ada:?}");
}

const RELAYS: &[Attack] = &[Attack {
    name: "the proof of a key for another connection of TLS",
    done: |town| {
        Box::pin(async {
            let relay = relay(town).await;
            let key = Credential::key(town.key.clone());
            let error = connect(&relay, town.tls_of_ada(), Some(key)).await;
            chain(&error.unwrap_err())
        })
    },
    told: "the client is not authenticated",
    noted: Audited(
        "session.open",
        "wrong_proof",
        "does not fit key and session",
    ),
}];

/// Somebody with a certificate for the name that Ada asks for.
async fn relay(town: &Town) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = town.authority.issue(&["127.0.0.1"]);
    let (authority, eve, place) = (town.authority.pem.clone(), town.eve.clone(), town.place());
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let mut client = accept_as(client, &server).await.unwrap();
        let stream = TcpStream::connect(place).await.unwrap();
        let mut server = connect_as(stream, "127.0.0.1", &authority, &eve)
            .await
            .unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server)
            .await
            .ok();
    });
    tls_at(port)
}
