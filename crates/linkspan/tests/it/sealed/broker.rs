use std::sync::{Arc, Mutex};

use linkspan::Code;
use linkspan::auth::seal::OpenError;
use linkspan::bus::{Broker, Client, Delivery, Post, ReceiveError};
use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{code, ring};

/// All bytes that went to a broker and came from it.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<u8>>>);

impl Record {
    fn holds(&self, text: &str) -> bool {
        let bytes = self.0.lock().unwrap();
        bytes.windows(text.len()).any(|at| at == text.as_bytes())
    }

    /// Listens before a server; gives the address for clients.
    async fn before(&self, server: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(record.clone().pass(from_client, to_server));
                tokio::spawn(record.clone().pass(from_server, to_client));
            }
        });
        format!("tcp:{address}")
    }

    async fn pass(self, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            self.0.lock().unwrap().extend_from_slice(&buffer[..read]);
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }
}

/// A broker of which everything is recorded, and two clients of it.
async fn scene() -> (Record, [Client; 2], linkspan::bus::Serving) {
    let serving = Broker::new().listen("tcp:127.0.0.1:0").await.unwrap();
    let address = serving.address().to_string();
    let record = Record::default();
    let before = record
        .before(address.trim_start_matches("tcp:").to_owned())
        .await;
    let connect = async |name| Client::connect(before.as_str(), name).await.unwrap();
    (
        record,
        [connect("ada").await, connect("bob").await],
        serving,
    )
}

#[tokio::test]
async fn a_broker_sees_names_and_topics_and_nothing_else() {
    let (record, [ada, bob], _serving) = scene().await;
    let mut plain = bob.subscribe("control/#").await.unwrap();
    let delivery = ada.publish("control/open", CONTROL).await.unwrap();
    assert_eq!(delivery, Delivery::Delivered);
    plain.next().await.unwrap().unwrap();
    assert!(record.holds(CONTROL), "what is not sealed is seen");

    let ring = ring();
    let (ada, bob) = (ada.sealed(ring.clone()), bob.sealed(ring));
    let mut news = bob.subscribe("news/#").await.unwrap();
    let mut inbox = bob.inbox();
    bob.serve(
        Router::new().method("vault.read", async |name: String, _: Context| {
            Ok::<_, CallError>(format!("{name} {CANARY}"))
        }),
    );

    let long = CANARY.repeat(10_000);
    for words in [CANARY, &long] {
        assert_eq!(
            ada.publish("news/today", words).await,
            Ok(Delivery::Delivered)
        );
        let message = within("the publication", news.next())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(message.decode::<String>().unwrap(), words);
        assert_eq!((message.sender(), message.topic()), ("ada", "news/today"));
        assert_eq!(ada.send("bob", words).await, Ok(Delivery::Delivered));
        let message = within("the message", inbox.next()).await.unwrap().unwrap();
        assert_eq!(message.decode::<String>().unwrap(), words);
    }
    let broadcast = Post::to_clients("?", CANARY).unwrap();
    assert_eq!(ada.post(&broadcast).await, Ok(Delivery::Delivered));
    let broadcast = within("the broadcast", inbox.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(broadcast.decode::<String>().unwrap(), CANARY);
    let post = Post::to_topic_for("bob", "news/only", CANARY).unwrap();
    ada.post_unacked(&post).await.unwrap();
    let only = within("the one for bob", news.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(only.decode::<String>().unwrap(), CANARY);

    let vault = ada.remote("bob");
    let answer: String = vault.send_request("vault.read", CANARY).await.unwrap();
    assert_eq!(answer, format!("{CANARY} {CANARY}"));

    assert!(record.holds("news/today") && record.holds("vault.read"));
    assert!(!record.holds(CANARY), "the broker has seen what was sealed");
}

#[tokio::test]
async fn calls_over_a_bus_are_sealed_or_refused() {
    let (_, [ada, bob], _serving) = scene().await;
    let ring = ring();
    bob.sealed(ring.clone())
        .serve(Router::new().method("fail", async |(): (), _: Context| Err::<(), _>(7)));
    let answer = ada.remote("bob").send_request::<()>("fail", &()).await;
    assert_eq!(code(answer), Code::NOT_SEALED);
    let sealed = ada.sealed(ring).remote("bob");
    match sealed.send_request::<()>("fail", &()).await {
        Err(CallError::Application(error)) => {
            assert_eq!(error.codec.decode::<i32>(&error.bytes).unwrap(), 7);
        }
        other => panic!("{other:?}"),
    }
    let answer = sealed.send_request::<()>("nothing", &()).await;
    assert_eq!(code(answer), Code::METHOD_NOT_FOUND);
    let stranger = ada.sealed(super::ring()).remote("bob");
    let answer = stranger.send_request::<()>("fail", &()).await;
    assert_eq!(code(answer), Code::UNKNOWN_KEY);
}

#[tokio::test]
async fn who_has_no_key_gets_an_envelope() {
    let (_, [ada, bob], _serving) = scene().await;
    let mut plain = bob.subscribe("news/#").await.unwrap();
    let mut stranger = bob.sealed(ring()).subscribe("news/#").await.unwrap();
    let posted = ada.sealed(ring()).publish("news/today", CANARY).await;
    assert_eq!(posted, Ok(Delivery::Delivered));
    let message = within("the publication", plain.next())
        .await
        .unwrap()
        .unwrap();
    assert!(message.is_sealed());
    message.decode::<String>().unwrap_err();
    let Raw(envelope) = message.decode().unwrap();
    assert_eq!(envelope[0], 0xE1);
    let error = within("the error", stranger.next())
        .await
        .unwrap()
        .unwrap_err();
    assert!(
        matches!(&error, ReceiveError::Unopened(OpenError::UnknownKey { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_not_sealed_is_told_and_others_follow() {
    let (_, [ada, bob], _serving) = scene().await;
    let ring = ring();
    let sealed = bob.sealed(ring.clone());
    let (mut news, mut inbox) = (sealed.subscribe("news/#").await.unwrap(), sealed.inbox());
    assert_eq!(
        ada.publish("news/today", "forged").await,
        Ok(Delivery::Delivered)
    );
    assert_eq!(ada.send("bob", "forged").await, Ok(Delivery::Delivered));
    let ada = ada.sealed(ring);
    assert_eq!(
        ada.publish("news/today", "true").await,
        Ok(Delivery::Delivered)
    );
    assert_eq!(ada.send("bob", "true").await, Ok(Delivery::Delivered));
    let error = within("the error", news.next()).await.unwrap().unwrap_err();
    assert_eq!(error, ReceiveError::Unopened(OpenError::NotSealed));
    let message = within("the publication", news.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "true");
    let error = within("the error", inbox.next())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error, OpenError::NotSealed);
    let message = within("the message", inbox.next()).await.unwrap().unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "true");
}

#[tokio::test]
async fn one_message_comes_to_each_of_two_subscriptions() {
    let (_, [ada, bob], _serving) = scene().await;
    let ring = ring();
    let bob = bob.sealed(ring.clone());
    let mut first = bob.subscribe("news/#").await.unwrap();
    let mut second = bob.subscribe("#").await.unwrap();
    let posted = ada.sealed(ring).publish("news/today", CANARY).await;
    assert_eq!(posted, Ok(Delivery::Delivered));
    for subscription in [&mut first, &mut second] {
        let message = within("the publication", subscription.next()).await;
        assert_eq!(
            message.unwrap().unwrap().decode::<String>().unwrap(),
            CANARY
        );
    }
}

#[tokio::test]
async fn a_sealed_message_is_no_call() {
    let (_, [ada, bob], _serving) = scene().await;
    let ring = ring();
    let mut inbox = bob.sealed(ring.clone()).inbox();
    let posted = ada
        .sealed(ring)
        .send("bob", &Raw(vec![0x01, 1, 0, 0, 0, b'x', 0].into()))
        .await;
    assert_eq!(posted, Ok(Delivery::Delivered));
    let message = within("the message", inbox.next()).await.unwrap().unwrap();
    assert_eq!(message.payload()[..], [0x01, 1, 0, 0, 0, b'x', 0]);
}

const CONTROL: &str = "this stands in the record as it is";
const CANARY: &str = "the combination is 3-14-15";
