//! Many connections, mutated frames, and memory.

use std::time::Duration;

use bytes::Bytes;
use linkspan::Address;
use linkspan::codec::Raw;
use linkspan::rpc::{Client, ClientConfig, Router, ServerConfig};
use linkspan_test::conformance::{Place, Server};
use linkspan_test::raw::RawClient;
use linkspan_test::wait;

use crate::support::limit_local;

async fn check_alive(client: &Client) {
    let echo: Raw = client
        .send_request("echo", &Raw("alive?".into()))
        .await
        .unwrap();
    assert_eq!(echo.0, "alive?");
}

fn many(config: &mut ServerConfig) {
    limit_local(config, 20_000);
}

async fn connect(address: &Address) -> Client {
    let mut config = ClientConfig::default();
    config.reconnect = None;
    Client::connect_with(address, config, Router::new())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_come_and_go_without_trace() {
    let server = Server::spawn(Place::LOCAL);
    let staying = connect(&server.address).await;
    let descriptors = async || {
        staying
            .send_request::<Option<usize>>("descriptors", &())
            .await
            .unwrap()
    };
    let before = descriptors().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..20 {
        let address = server.address.clone();
        tasks.spawn(async move {
            for round in 0..500 {
                if (task + round) % 5 == 0 {
                    // Half of a handshake, or nothing at all.
                    let mut raw = RawClient::connect(&address).await.unwrap();
                    raw.send_bytes(&b"LSPN\x01\x01"[..round % 7]).await.ok();
                } else {
                    connect(&address).await;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    for _ in 0..400 {
        if descriptors().await <= before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = descriptors().await;
    assert!(
        after <= before,
        "{before:?} descriptors before, {after:?} after"
    );
    check_alive(&staying).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_idle_connections_are_held_and_cheap() {
    let server = Server::start_with(Place::LOCAL, many).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(connect(&server.address).await);
    }
    wait::until("all are there", || server.stats().open == 50).await;
    let before = os::resident_memory_bytes().unwrap();
    for _ in 0..450 {
        held.push(connect(&server.address).await);
    }
    wait::until("all are there", || server.stats().open == 500).await;
    let grown = os::resident_memory_bytes().unwrap().saturating_sub(before);
    // Both ends live in this process; ten times the target of 16 KiB for one end.
    assert!(
        grown / 450 < 2 * 160 * 1024,
        "{} bytes per connection",
        grown / 450
    );
    for client in &held {
        check_alive(client).await;
    }
}

#[tokio::test]
async fn random_and_mutated_frames_harm_nobody_else() {
    let server = Server::start_with(Place::LOCAL, many).await;
    let staying = connect(&server.address).await;
    let mut random = Random(0x5EED);
    println!("seed {:#x}", random.0);
    for round in 0..300 {
        let mut raw = if round % 3 == 0 {
            RawClient::connect(&server.address).await.unwrap()
        } else {
            RawClient::open(&server.address).await.unwrap()
        };
        let mut bytes = if round % 2 == 0 {
            sample_frames()
        } else {
            Vec::new()
        };
        for _ in 0..1 + random.below(20) {
            match random.below(3) {
                0 if !bytes.is_empty() => {
                    let place = random.below(bytes.len());
                    bytes[place] ^= 1 << random.below(8);
                }
                1 if !bytes.is_empty() => bytes.truncate(random.below(bytes.len())),
                _ => bytes.push(u8::try_from(random.below(256)).unwrap()),
            }
        }
        raw.send_bytes(&bytes).await.ok();
        if round % 5 == 0 && Place::LOCAL.closes_by_halves() {
            raw.shutdown().await.ok();
            wait::within("the end", raw.receive_to_end()).await;
        }
    }
    check_alive(&staying).await;
    wait::until("all of them are gone", || server.stats().open == 1).await;
}

/// Two good frames, as a client that has done its handshake would send them.
fn sample_frames() -> Vec<u8> {
    use bytes::Buf;
    use proto::StreamId;
    use proto::frame::{Checksum, Flags, Frame, Segments};
    use proto::message::{Chunk, Message, Request};
    let stream = StreamId::new(1);
    let request = Message::Request(Request::new("echo", Bytes::from("data")));
    let chunk = Message::Chunk(Chunk::new(0, Bytes::from("more")));
    let mut segments = Segments::new();
    Frame::new(2, stream, Flags::NONE, request).encode(1, Checksum::Crc32, &mut segments);
    Frame::new(3, stream, Flags::END, chunk).encode(1, Checksum::Crc32, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Wine needs several times as long for each.
const CALLS: u32 = if cfg!(windows) { 200 } else { 1_000 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_on_many_threads_never_wait_for_a_writer_that_stopped() {
    for place in [Place::LOCAL, Place::Tcp, Place::Memory] {
        // Nothing else may set a connection going again.
        let never = Duration::from_secs(3_600);
        let quiet = |config: &mut ServerConfig| config.session.heartbeat_interval = never;
        let server = Server::start_with(place, quiet).await;
        let mut config = ClientConfig::default();
        config.session.heartbeat_interval = never;
        let client = Client::connect_with(&server.address, config, Router::new());
        let client = client.await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let client = client.clone();
            callers.spawn(async move {
                for _ in 0..CALLS {
                    check_alive(&client).await;
                }
            });
        }
        wait::within("all calls", callers.join_all()).await;
    }
}
