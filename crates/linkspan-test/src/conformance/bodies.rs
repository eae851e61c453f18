//! Bodies of all sizes and speeds arrive whole.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use linkspan::codec::Raw;
use linkspan::rpc::{Body, CallError, Client, Items, Request};

use crate::conformance::{Place, Server};
use crate::wait;

/// Whether a server answers.
pub(super) async fn check_alive(client: &Client) {
    assert_eq!(call(client, "alive?").await, "alive?");
}

async fn call(client: &Client, body: impl Into<Bytes>) -> Bytes {
    let body = Raw(body.into());
    client
        .send_request::<Raw>("echo", &body)
        .await
        .expect("an echo")
        .0
}

/// Opens a stream of `bytes` bytes from the server, or one without end.
pub(super) async fn blast(client: &Client, bytes: Option<usize>) -> Items {
    let body = bytes.map_or_else(|| "null".to_owned(), |bytes| bytes.to_string());
    let response = client
        .call(Request::new("blast", body))
        .await
        .expect("a stream");
    response.body.split().await.expect("a stream").1
}

/// The next item of a stream.
pub(super) async fn next(items: &mut Items) -> Option<Result<Bytes, CallError>> {
    poll_fn(|cx| Pin::new(&mut *items).poll_next(cx)).await
}

/// A body comes back as it went.
pub async fn echo(place: Place) {
    let server = Server::start(place).await;
    let client = server.client().await;
    for size in [0, 1, 64, 4_095, 4_096, 65_535, 65_536, 65_537] {
        let body: Bytes = (0..size).map(|byte: u32| byte.to_le_bytes()[0]).collect();
        assert_eq!(call(&client, body.clone()).await, body, "{size} bytes");
    }
}

/// Large bodies and streams arrive whole, in both directions.
pub async fn large(place: Place) {
    let server = Server::start(place).await;
    let client = server.client().await;
    let body: Bytes = (0..20_000_000_u32)
        .map(|byte| byte.to_le_bytes()[1])
        .collect();
    assert_eq!(call(&client, body.clone()).await, body);

    let mut items = blast(&client, Some(50_000_000)).await;
    let mut received = 0;
    while let Some(item) = next(&mut items).await {
        received += item.expect("the stream goes on").len();
    }
    assert_eq!(received, 50_000_000);

    let pieces = Pieces {
        left: 500,
        pause: None,
    };
    let request = Request::new("count_bytes", Body::streaming(Bytes::new(), pieces));
    let counted = client
        .call(request)
        .await
        .expect("a count")
        .body
        .collect()
        .await;
    assert_eq!(counted.expect("a count"), (500 * PIECE_BYTES).to_string());
}

/// Many calls at once each get their own answer.
pub async fn many(place: Place) {
    let server = Server::start(place).await;
    let client = server.client().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..50_u32 {
        let client = client.clone();
        tasks.spawn(async move {
            for number in 0..200_u32 {
                let body = [task.to_le_bytes(), number.to_le_bytes()].concat();
                assert_eq!(call(&client, body.clone()).await, body);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("all echoes were right");
    }
}

/// A reader that is slow gets all, holds up nobody, and costs its server no memory.
pub async fn slow_reader(place: Place) {
    let server = Server::start(place).await;
    let client = server.client().await;
    let mut items = blast(&client, None).await;
    for _ in 0..50 {
        let piece = next(&mut items)
            .await
            .expect("without end")
            .expect("the stream goes on");
        assert_eq!(piece.len(), 64 * 1024);
        assert_eq!(call(&client, "meanwhile").await, "meanwhile");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(items);
    assert_eq!(call(&client, "after").await, "after");
}

/// A writer that is slow is waited for, and holds up nobody.
pub async fn slow_writer(place: Place) {
    let server = Server::start(place).await;
    let client = server.client().await;
    let pieces = Pieces {
        left: 20,
        pause: Some(Box::pin(tokio::time::sleep(PAUSE))),
    };
    let request = Request::new("count_bytes", Body::streaming(Bytes::new(), pieces));
    let counting = client.call(request);
    let meanwhile = async {
        for _ in 0..20 {
            assert_eq!(call(&client, "meanwhile").await, "meanwhile");
        }
    };
    let (counted, ()) = wait::within("both", async { tokio::join!(counting, meanwhile) }).await;
    let counted = counted
        .expect("a count")
        .body
        .collect()
        .await
        .expect("a count");
    assert_eq!(counted, (20 * PIECE_BYTES).to_string());
}

/// Pieces with a pause before each.
struct Pieces {
    left: usize,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Stream for Pieces {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            pause.as_mut().reset(tokio::time::Instant::now() + PAUSE);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(vec![1; PIECE_BYTES].into())))
    }
}

const PIECE_BYTES: usize = 30_000;
const PAUSE: Duration = Duration::from_millis(5);
