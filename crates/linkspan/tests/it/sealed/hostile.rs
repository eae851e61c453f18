use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes};
use futures_core::Stream;
use linkspan::auth::seal::OpenError;
use linkspan::bus::{Client, OpenedSubscription, ReceiveError};
use linkspan::codec::Codec;
use linkspan::rpc::{Body, CallError, Request, Response, Router, Server};
use linkspan_test::wait::within;
use tokio::sync::mpsc;

use super::ring;
use crate::support::address;

/// A broker of an attacker's own, which makes of a publication what it likes.
#[derive(Clone, Default)]
struct Evil {
    /// What was published last, as its client sent it.
    caught: Arc<Mutex<Bytes>>,
    subscribers: Arc<Mutex<Vec<mpsc::Sender<Bytes>>>>,
}

/// A record that the broker makes up (docs/protocol.md, section 20.3).
#[derive(Clone)]
struct Forged<'a> {
    kind: u8,
    codec: u8,
    sender: &'a str,
    topic: &'a str,
    payload: Vec<u8>,
}

impl Evil {
    fn router(&self) -> Router {
        let (catches, adds) = (self.clone(), self.clone());
        let attach = async |_: Request| {
            let head = Codec::Msgpack.encode(&serde_json::json!({
                "id": 1, "max_message_bytes": 1_000_000,
            }));
            let (sender, items) = mpsc::channel(1);
            let items = Items(items, Some(sender));
            Ok(Response::new(Body::streaming(head.unwrap(), items)))
        };
        let subscribe = move |_: Request| {
            let (sender, items) = mpsc::channel(10_000);
            adds.subscribers.lock().unwrap().push(sender);
            let body = Body::streaming(Bytes::new(), Items(items, None));
            std::future::ready(Ok(Response::new(body)))
        };
        let publish = move |request: Request| {
            let evil = catches.clone();
            async move {
                *evil.caught.lock().unwrap() = request.body.collect().await?;
                Ok(Response::new(&[1_u8, 0, 0, 0, 0, 0, 0, 0, 0][..]))
            }
        };
        Router::new()
            .raw_method("bus.attach", attach)
            .raw_method("bus.subscribe", subscribe)
            .raw_method("bus.publish", publish)
    }

    /// The envelope that was published last, and its encoding.
    fn caught(&self) -> (u8, Vec<u8>) {
        let caught = self.caught.lock().unwrap().clone();
        let headers = usize::from(caught[1]);
        let topic_end = caught[3 + headers..].iter().position(|byte| *byte == 0);
        (
            caught[0],
            caught[3 + headers + topic_end.unwrap() + 1..].to_vec(),
        )
    }

    async fn deliver(&self, forged: &Forged<'_>) {
        let mut rest = Vec::new();
        rest.put_slice(forged.sender.as_bytes());
        rest.put_u8(0);
        rest.put_slice(forged.topic.as_bytes());
        rest.put_u8(0);
        rest.put_slice(&forged.payload);
        let mut item = vec![forged.kind, forged.codec, 0, 0];
        item.put_u32_le(u32::try_from(rest.len()).unwrap());
        item.extend(rest);
        let subscriber = self.subscribers.lock().unwrap()[0].clone();
        subscriber.send(item.into()).await.unwrap();
    }
}

/// Items from elsewhere; the sender keeps them open.
struct Items(mpsc::Receiver<Bytes>, Option<mpsc::Sender<Bytes>>);

impl Stream for Items {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        debug_assert!(self.1.is_none() || !self.1.as_ref().unwrap().is_closed());
        self.0.poll_recv(cx).map(|item| item.map(Ok))
    }
}

#[tokio::test]
async fn a_broker_of_an_attacker_delivers_nothing_but_what_was_said() {
    let evil = Evil::default();
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new().service(evil.router());
    let serving = server.listen(&address("mem", &directory)).await.unwrap();
    let ring = ring();
    let connect = async |name| Client::connect(serving.address(), name).await.unwrap();
    let ada = connect("ada").await.sealed(ring.clone());
    let bob = connect("bob").await.sealed(ring);
    let mut news = bob.subscribe("#").await.unwrap();

    let _ = ada.publish("news/today", "true").await.unwrap();
    let (codec, payload) = evil.caught();
    let true_one = Forged {
        kind: 1,
        codec,
        sender: "ada",
        topic: "news/today",
        payload: payload.clone(),
    };
    for place in 0..payload.len() {
        let mut forged = true_one.clone();
        forged.payload[place] ^= 0x10;
        evil.deliver(&forged).await;
        let error = refused(&mut news).await;
        assert!(
            !matches!(error, OpenError::Misaddressed | OpenError::Replayed { .. }),
            "byte {place}: {error}"
        );
    }
    type Change = fn(&mut Forged<'_>);
    let changes: [(&str, Change); 5] = [
        ("sender", |forged| forged.sender = "eve"),
        ("topic", |forged| forged.topic = "news/tomorrow"),
        ("encoding", |forged| forged.codec ^= 3),
        ("encoding left out", |forged| forged.codec = 0x80),
        ("topic left out", |forged| forged.topic = ""),
    ];
    for (what, change) in changes {
        let mut forged = true_one.clone();
        change(&mut forged);
        evil.deliver(&forged).await;
        assert_eq!(refused(&mut news).await, OpenError::Misaddressed, "{what}");
    }
    let mut open = true_one.clone();
    open.codec &= 0x7F;
    evil.deliver(&open).await;
    assert_eq!(refused(&mut news).await, OpenError::NotSealed);

    evil.deliver(&true_one).await;
    let message = within("the publication", news.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "true");
    evil.deliver(&true_one).await;
    assert_eq!(refused(&mut news).await, OpenError::Replayed { counter: 0 });
}

async fn refused(news: &mut OpenedSubscription) -> OpenError {
    match within("the error", news.next()).await.unwrap() {
        Err(ReceiveError::Unopened(error)) => error,
        other => panic!("{other:?}"),
    }
}
