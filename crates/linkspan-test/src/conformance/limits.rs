//! Limits hold, at their value and beyond, and harm only those who reach them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::rpc::{Client, ConnectError, Router, ServerConfig};
use linkspan::{Category, Code};
use proto::frame::Flags;
use proto::message::{Message, Request};

use crate::conformance::bodies::check_alive;
use crate::conformance::{Place, Server, Setup};
use crate::raw::RawClient;
use crate::wait;

fn connections(config: &mut ServerConfig, limit: usize) {
    config.transport.unix_socket.max_connections = limit;
    config.transport.named_pipe.max_connections = limit;
    config.transport.tcp.max_connections = limit;
    config.transport.web_socket.max_connections = limit;
}

pub(super) async fn once(server: &Server) -> Result<Client, ConnectError> {
    let mut config = server.client_config();
    config.reconnect = None;
    Client::connect_with(&server.address, config, Router::new()).await
}

/// Connections up to the limit work; one more is told to come again, and may as soon as one goes.
pub async fn connection_limit(place: Place) {
    let server = Server::start_with(place, |config| connections(config, 3)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(once(&server).await.expect("a place"));
    }
    let error = once(&server).await.unwrap_err();
    let refusal = error.refusal().expect("a clear answer");
    assert_eq!(
        (refusal.category, &refusal.code),
        (Category::Limit, &Code::BUSY)
    );
    assert_eq!(refusal.message, "all 3 connections are taken");
    assert!(refusal.retryable && refusal.retry_after.is_some());
    assert!(error.is_retryable());
    assert_eq!(server.stats().refused_busy, 1);

    clients.pop();
    wait::until("a place is free", || server.places() == 2).await;
    once(&server).await.expect("the place that was given back");
}

/// A client that never says anything holds its place no longer than the handshake may take.
pub async fn silent_client(place: Place) {
    let server = Server::start_with(place, |config| {
        connections(config, 1);
        config.session.handshake_timeout = Duration::from_millis(300);
    })
    .await;
    let began = Instant::now();
    let mut silent = RawClient::connect(&server.address)
        .await
        .expect("a connection");
    let answer = wait::within("the end", silent.receive())
        .await
        .expect("no error");
    assert!(answer.is_none(), "a silent client is told nothing");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.stats().failed_handshakes, 1);
    once(&server).await.expect("its place is free again");
}

/// A frame that is begun and not ended closes the connection when the read limit is reached.
pub async fn idle_begun_frame(place: Place) {
    let server = Server::start_with(place, |config| {
        config.session.read_timeout = Duration::from_millis(300);
    })
    .await;
    let other = server.client().await;
    let mut client = RawClient::open(&server.address).await.expect("a session");
    client.send_bytes(b"LSPN\x01").await.expect("it is sent");
    wait::within("the end", client.receive_to_end()).await;
    // A client between frames may be silent for as long as it likes.
    check_alive(&other).await;
}

/// A client that asks without end and reads nothing is cut off; memory stays bounded.
pub async fn unread_answers(place: Place) {
    let setup = Setup {
        write_timeout: Some(Duration::from_millis(500)),
        ..Setup::default()
    };
    let server = Server::spawn_with(place, &setup);
    let other = server.client().await;
    let mut client = RawClient::open(&server.address).await.expect("a session");
    let before = memory(&other).await;
    let body = Bytes::from(vec![1; 1000]);
    let asking = async {
        for index in 0..u64::MAX {
            let request = Request::new("echo", body.clone());
            let sent = client
                .send(2 * index + 1, Flags::END, Message::Request(request))
                .await;
            if sent.is_err() {
                break;
            }
        }
    };
    wait::within("the server gives up", asking).await;
    let grown = memory(&other).await.saturating_sub(before);
    assert!(
        grown < 64 * 1024 * 1024,
        "{grown} bytes were kept for a client that does not read"
    );
    check_alive(&other).await;
}

/// Bytes that are no frames end the connection with a reason, and nobody else notices.
pub async fn broken_frames_harm_only_their_sender(place: Place) {
    let server = Server::start(place).await;
    let other = server.client().await;
    let oversized = {
        let mut header = b"LSPN\x01\x07\0\0".to_vec();
        header.extend_from_slice(&2_u64.to_le_bytes());
        header.extend_from_slice(&1_u64.to_le_bytes());
        header.extend_from_slice(&0_u64.to_le_bytes());
        header.extend_from_slice(&u32::MAX.to_le_bytes());
        header
    };
    let cases: [(&[u8], Code); 3] = [
        (&[0; 100], Code::BAD_FRAME),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            Code::BAD_FRAME,
        ),
        (&oversized, Code::TOO_LARGE),
    ];
    for (bytes, code) in cases {
        let mut client = RawClient::open(&server.address).await.expect("a session");
        client.send_bytes(bytes).await.expect("it is sent");
        let last = wait::within("the end", client.receive_to_end()).await.pop();
        let Some(Message::Error(failure)) = last.map(|frame| frame.message) else {
            panic!("the sender is told why");
        };
        assert_eq!((failure.category, failure.code), (Category::Protocol, code));
        check_alive(&other).await;
    }
}

/// Memory of the server's process, in bytes.
async fn memory(client: &Client) -> u64 {
    let bytes: Option<u64> = client.send_request("memory", &()).await.expect("an answer");
    let bytes = bytes.expect("the system tells");
    assert!(bytes > 0, "a process has some memory");
    bytes
}
