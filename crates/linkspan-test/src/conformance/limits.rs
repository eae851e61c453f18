//! Limits hold, at their value and beyond, and harm only those who reach them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::rpc::{Client, ClientConfig, ConnectError, Router, ServerConfig};
use linkspan::{Category, Code};
use proto::frame::Flags;
use proto::message::{Message, Request};

use crate::conformance::bodies::check_alive;
use crate::conformance::{Place, Server};
use crate::raw::RawClient;
use crate::wait;

fn connections(config: &mut ServerConfig, limit: usize) {
    config.transport.unix_socket.max_connections = limit;
    config.transport.tcp.max_connections = limit;
}

async fn once(server: &Server) -> Result<Client, ConnectError> {
    let mut config = ClientConfig::default();
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
    wait::until("a place is free", || server.stats().open == 2).await;
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
    let server = Server::spawn(place, "export LINKSPAN_TEST_WRITE_TIMEOUT_MS=500");
    let other = server.client().await;
    let mut client = RawClient::open(&server.address).await.expect("a session");
    let before = resident_bytes(server.pid());
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
    let grown = resident_bytes(server.pid()).saturating_sub(before);
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

/// A server without descriptors stops accepting for a while, without spinning, and goes on when
/// there are some again.
pub async fn descriptor_exhaustion(place: Place) {
    // Its runtime and the test harness need about twenty; the limit leaves a few for connections.
    let server = Server::spawn(place, "ulimit -n 40");
    let first = server.client().await;
    let mut raw = Vec::new();
    for _ in 0..60 {
        raw.push(
            RawClient::connect(&server.address)
                .await
                .expect("the system's queue takes it"),
        );
    }
    let before = cpu_ticks(server.pid());
    for _ in 0..20 {
        check_alive(&first).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ticks = cpu_ticks(server.pid()) - before;
    assert!(
        ticks < 50,
        "the server spins: {ticks} ticks of 10 ms in about a second"
    );

    drop(raw);
    let next = wait::within("a connection", async {
        loop {
            match once(&server).await {
                Ok(client) => break client,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    })
    .await;
    check_alive(&next).await;
}

/// Processor time of a process, in ticks of 10 ms.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The name may contain anything; the fields are counted from its end.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    let field = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<u64>().ok())
    };
    field(11).expect("utime") + field(12).expect("stime")
}

/// Memory of a process, in bytes.
fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("its memory");
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    kibibytes * 1024
}
