//! What the requests of one connection may hold together, of bodies that come in pieces.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use linkspan::codec::Raw;
use linkspan::rpc::{
    Body, Client, ClientConfig, Request, Response, Router, Server, ServerConfig, Serving, Streaming,
};
use linkspan::{Category, Code};
use linkspan_test::raw::RawClient;
use linkspan_test::wait;
use proto::frame::Flags;
use proto::message::{self, CancelReason, Chunk, Failure, Message};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::support::{LOCAL, address};

/// A server whose requests may hold a million bytes, and each of them 700,000.
struct Scene {
    serving: Serving,
    /// Requests that have all their body.
    whole: Arc<AtomicUsize>,
    /// Lets them be answered.
    gate: Arc<Semaphore>,
    _directory: TempDir,
}

const BUDGET: usize = 1_000_000;
const LONGEST: usize = 700_000;

impl Scene {
    async fn new() -> Self {
        let mut config = ServerConfig::default();
        config.session.max_collected_bytes = BUDGET;
        config.session.max_message_bytes = LONGEST;
        Self::with(config).await
    }

    async fn with(config: ServerConfig) -> Self {
        let (whole, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, door) = (Arc::clone(&whole), Arc::clone(&gate));
        let keep = move |request: Request| {
            let (count, door) = (Arc::clone(&count), Arc::clone(&door));
            async move {
                let body = request.body.collect().await?;
                count.fetch_add(1, Ordering::SeqCst);
                door.acquire().await.unwrap().forget();
                Ok(length(body.len()))
            }
        };
        let router = Router::new()
            .raw_method("keep", keep)
            .raw_method("length", async |request: Request| {
                Ok(length(request.body.collect().await?.len()))
            })
            .raw_method("items", async |request: Request| {
                let (_, items) = request.body.split().await?;
                Ok(Response::new(Body::streaming("", items)))
            });
        let directory = tempfile::tempdir().unwrap();
        let server = Server::new().config(config).service(router);
        let serving = server.listen(&address(LOCAL, &directory)).await.unwrap();
        Self {
            serving,
            whole,
            gate,
            _directory: directory,
        }
    }

    async fn raw(&self) -> RawClient {
        RawClient::open(self.serving.address()).await.unwrap()
    }

    async fn client(&self) -> Client {
        let mut config = ClientConfig::default();
        config.reconnect = None;
        let address = self.serving.address();
        let client = Client::connect_with(address, config, Router::new()).await;
        client.unwrap()
    }

    /// Waits until so many requests have all their body.
    async fn until_whole(&self, count: usize) {
        let is_whole = || self.whole.load(Ordering::SeqCst) == count;
        wait::until("whole bodies", is_whole).await;
    }
}

fn length(bytes: usize) -> Response {
    Response::new(bytes.to_string())
}

/// Sends a request whose body comes in pieces, and ends it or not.
async fn send(client: &mut RawClient, stream: u64, method: &str, bytes: usize, ends: bool) {
    let request = Message::Request(message::Request::new(method, Bytes::new()));
    client
        .send(stream, Flags::CONTINUED, request)
        .await
        .unwrap();
    let body = vec![7; bytes];
    let pieces = body.chunks(PIECE_BYTES);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.enumerate() {
        let flags = match number == last && ends {
            true => Flags::END,
            false => Flags::CONTINUED,
        };
        let chunk = Chunk::new(number.try_into().unwrap(), piece.to_vec().into());
        let sent = client.send(stream, flags, Message::Chunk(chunk)).await;
        sent.unwrap();
    }
}

/// What the server says on a stream, whatever it says on others.
async fn answer(client: &mut RawClient, stream: u64) -> Result<String, Failure> {
    loop {
        let frame = wait::within("a frame", client.receive()).await.unwrap();
        let frame = frame.expect("the session goes on");
        match frame.message {
            _ if frame.stream.get() != stream => {}
            Message::Response(response) => {
                return Ok(String::from_utf8_lossy(&response.body).into_owned());
            }
            Message::Error(failure) => return Err(*failure),
            _ => {}
        }
    }
}

#[tokio::test]
async fn requests_of_a_connection_hold_no_more_than_its_budget() {
    let scene = Scene::new().await;
    let mut client = scene.raw().await;
    for round in 0..2 {
        let first = 1 + 100 * round;
        // All of it and no byte more, twice: it comes back with the answers.
        let whole = scene.whole.load(Ordering::SeqCst);
        for stream in (first..).step_by(2).take(4) {
            send(&mut client, stream, "keep", BUDGET / 4, true).await;
        }
        scene.until_whole(whole + 4).await;
        send(&mut client, first + 8, "length", 1, true).await;
        let refused = answer(&mut client, first + 8).await.unwrap_err();
        assert_eq!(
            (refused.category, refused.code),
            (Category::Limit, Code::BUSY)
        );
        assert!(refused.retryable && refused.retry_after.is_some());
        let text = "1 bytes more than the 1000000 bytes that this connection's requests hold exceed \
                    the limit of 1000000 bytes";
        assert_eq!(refused.message, text);
        // What comes in one frame is no part of it.
        let request = Message::Request(message::Request::new("length", vec![7; 5000].into()));
        client.send(first + 10, Flags::END, request).await.unwrap();
        assert_eq!(answer(&mut client, first + 10).await, Ok("5000".into()));
        // Another connection has its own.
        let other = scene.client().await;
        let body = Raw(vec![7; LONGEST].into());
        let answered = other.send_request::<Raw>("length", &body).await.unwrap();
        assert_eq!(answered.0, "700000");
        scene.gate.add_permits(4);
        for stream in (first..).step_by(2).take(4) {
            assert_eq!(answer(&mut client, stream).await, Ok("250000".into()));
        }
    }
}

#[tokio::test]
async fn what_is_given_up_is_given_back() {
    let scene = Scene::new().await;
    let mut client = scene.raw().await;
    send(&mut client, 1, "length", 600_000, false).await;
    // Until the server has all of it, there may be room.
    let mut streams = (3..).step_by(2);
    let probing = async {
        for stream in streams.by_ref() {
            send(&mut client, stream, "length", 400_001, true).await;
            if let Err(failure) = answer(&mut client, stream).await {
                return failure;
            }
        }
        panic!("there are always more streams")
    };
    let failure = wait::within("a refusal", probing).await;
    assert_eq!(
        (failure.category, failure.code),
        (Category::Limit, Code::BUSY)
    );
    let given_up = Message::Cancel(message::Cancel::new(CancelReason::Dropped));
    client.send(1, Flags::NONE, given_up).await.unwrap();
    // Handlers of what was refused or given up hold nothing.
    for stream in streams.take(3) {
        send(&mut client, stream, "length", LONGEST, true).await;
        assert_eq!(answer(&mut client, stream).await, Ok("700000".into()));
    }
}

#[tokio::test]
async fn items_count_until_they_are_whole() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let items = Streaming::from_values(vec![Bytes::from(vec![7; 600_000]); 10]);
    let request = Request::new("items", Body::streaming("", items));
    let response = wait::within("an answer", client.call(request))
        .await
        .unwrap();
    let whole = wait::within("all items", response.body.collect()).await;
    assert_eq!(whole.unwrap().len(), 6_000_000);
}

#[tokio::test]
async fn the_longest_message_always_fits() {
    let mut config = ServerConfig::default();
    config.session.max_collected_bytes = 0;
    config.session.max_message_bytes = LONGEST;
    let scene = Scene::with(config).await;
    let mut client = scene.raw().await;
    send(&mut client, 1, "length", LONGEST, true).await;
    assert_eq!(answer(&mut client, 1).await, Ok("700000".into()));
    send(&mut client, 3, "length", LONGEST + 1, true).await;
    let failure = answer(&mut client, 3).await.unwrap_err();
    assert_eq!(failure.code, Code::TOO_LARGE, "{failure}");
}

const PIECE_BYTES: usize = 50_000;
