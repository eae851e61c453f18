//! What listens, who is let in, and what is left behind.

use std::time::Duration;

use linkspan::Address;
use linkspan::rpc::{Client, ConnectError, Router, Server, ServerConfig};
use linkspan::transport::{DialError, ListenError};
use linkspan_test::conformance::{Place, Server as TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{LOCAL, address, pair};

#[tokio::test]
async fn plain_tcp_stays_on_this_machine_unless_allowed() {
    for text in ["tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:80"] {
        let error = Server::new().listen(text).await.unwrap_err();
        assert!(
            matches!(error, ListenError::Plaintext { .. }),
            "{text}: {error}"
        );
        assert!(
            error
                .to_string()
                .contains("plain TCP may not leave this machine")
        );
        let error = Client::connect(text).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Dial(DialError::Plaintext { .. })),
            "{text}: {error}"
        );
    }
    let mut config = ServerConfig::default();
    config.transport.tcp.allow_plaintext = true;
    Server::new()
        .config(config)
        .listen("tcp:0.0.0.0:0")
        .await
        .unwrap()
        .stop(Duration::ZERO)
        .await;
}

#[tokio::test]
async fn one_server_listens_at_many_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving = Server::new()
        .listen(&address(LOCAL, &directory))
        .await
        .unwrap();
    serving.also(&address("mem", &directory)).await.unwrap();
    let tcp = serving.also("tcp:localhost:0").await.unwrap();
    assert!(!tcp.to_string().ends_with(":0"), "{tcp}");
    let addresses: Vec<_> = serving.addresses().cloned().collect();
    assert_eq!(addresses.len(), 3);
    let mut clients = Vec::new();
    for address in &addresses {
        clients.push(Client::connect(address).await.unwrap());
    }
    linkspan_test::wait::until("all are there", || serving.connections().len() == 3).await;
    assert!(
        serving
            .stats()
            .all(|(_, stats)| (stats.open, stats.accepted) == (1, 1))
    );
    let report = serving.stop(Duration::from_secs(5)).await;
    assert_eq!((report.connections, report.cut), (3, 0));
}

#[tokio::test]
async fn a_name_or_path_in_use_is_refused() {
    for scheme in ["mem", LOCAL] {
        let pair = pair(scheme, Router::new()).await;
        let error = Server::new()
            .listen(pair.serving.address())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("in use"), "{error}");
        assert!(Client::connect(pair.serving.address()).await.is_ok());
    }
}

#[tokio::test]
async fn a_killed_servers_address_is_taken_over() {
    let mut server = TestServer::spawn(Place::LOCAL);
    server.client().await;
    server.kill();
    if let Address::Unix(path) = &server.address {
        assert!(path.exists(), "a killed server cannot clean up");
    }
    let error = Client::connect(&server.address).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let serving = Server::new().listen(&server.address).await.unwrap();
    Client::connect(serving.address()).await.unwrap();
}

#[tokio::test]
async fn addresses_that_this_build_cannot_use_say_why() {
    let (text, reason) = ELSEWHERE;
    let error = Server::new().listen(text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen at {text}: {reason}")
    );
    let error = Client::connect(text).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {text}: {reason}")
    );
    let mut config = ServerConfig::default();
    config.transport.in_process.enabled = false;
    let error = Server::new()
        .config(config)
        .listen("mem:off")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot listen at mem:off: it is turned off"
    );
}

#[tokio::test]
async fn nobody_at_an_address_is_told_at_once() {
    for text in ["mem:nobody", NOBODY, "tcp:127.0.0.1:1"] {
        let error = Client::connect(text).await.unwrap_err();
        assert!(error.is_retryable(), "{text}: {error}");
    }
    let error = Client::connect("tcp:nowhere").await.unwrap_err();
    assert!(matches!(error, ConnectError::Address(_)));
}

#[tokio::test]
async fn a_greeting_of_another_protocol_is_skipped_however_it_comes() {
    for pieces in [vec![3], vec![1, 2], vec![1, 1, 1], vec![2, 1]] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp:{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut greeting = &[0xEB, 1, 0][..];
            for piece in pieces {
                let (now, later) = greeting.split_at(piece);
                stream.write_all(now).await.unwrap();
                // The client reads each piece by itself, as far as the system lets us say so.
                tokio::time::sleep(Duration::from_millis(20)).await;
                greeting = later;
            }
            // Nothing that is a frame: the client has to get as far as looking at it.
            stream.write_all(b"NOPE").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.ok();
        });
        let error = Client::connect(address.as_str()).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("Magic") && text.contains("78"), "{text}");
        server.await.unwrap();
    }
}

/// An address of a transport that only other systems have, and what is said about it.
const ELSEWHERE: (&str, &str) = if cfg!(windows) {
    ("unix:/tmp/x", "Unix sockets do not exist on this system")
} else {
    ("pipe:x", "named pipes exist on Windows only")
};
/// A local socket that nobody has.
const NOBODY: &str = if cfg!(windows) {
    "pipe:nobody"
} else {
    "unix:/nowhere/s"
};
