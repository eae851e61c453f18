//! Native clients and those of BUS/RT on one bus.

use linkspan::Address;
use linkspan::bus::{Delivery, MessageKind, Post};
use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scene::{Scene, next};

/// A client of BUS/RT that is bytes and nothing else.
pub(super) struct BusRt {
    stream: Box<dyn Stream>,
    last: u32,
}

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

impl BusRt {
    pub(super) async fn join(address: &Address, name: &str) -> Self {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp(host) => {
                let stream = TcpStream::connect((host.host.as_str(), host.port)).await;
                Box::new(stream.unwrap())
            }
            #[cfg(unix)]
            Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await.unwrap()),
            #[cfg(windows)]
            Address::Pipe(name) => Box::new(linkspan_test::raw::connect_pipe(name).await.unwrap()),
            other => panic!("{other} does not carry bytes"),
        };
        let mut client = Self { stream, last: 0 };
        assert_eq!(client.read(3).await, [0xeb, 1, 0]);
        client.stream.write_all(&[0xeb, 1, 0]).await.unwrap();
        assert_eq!(client.read(1).await, [1]);
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        client.stream.write_all(&length).await.unwrap();
        client.stream.write_all(name.as_bytes()).await.unwrap();
        assert_eq!(client.read(1).await, [1]);
        client
    }

    /// Has an operation acknowledged; says how.
    pub(super) async fn operate(&mut self, flags: u8, body: &[u8]) -> u8 {
        self.send(flags, body).await;
        let [kind, id @ .., status] = self.header().await;
        assert_eq!((kind, u32::from_le_bytes(id)), (0xfe, self.last));
        status
    }

    async fn send(&mut self, flags: u8, body: &[u8]) {
        self.last += 1;
        let mut frame = self.last.to_le_bytes().to_vec();
        frame.push(flags);
        frame.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        frame.extend(body);
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The next delivery: its kind and its body.
    pub(super) async fn delivery(&mut self) -> (u8, Vec<u8>) {
        let [kind, length @ .., _] = self.header().await;
        let length = u32::from_le_bytes(length);
        (kind, self.read(length.try_into().unwrap()).await)
    }

    /// Waits until the broker has closed the connection.
    pub(super) async fn end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        self.stream.read_to_end(&mut rest).await.ok();
    }

    async fn header(&mut self) -> [u8; 6] {
        loop {
            let header: [u8; 6] = self.read(6).await.try_into().unwrap();
            // Pings come whenever they like.
            if header[0] != 0 {
                return header;
            }
        }
    }

    async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        wait::within("bytes", self.stream.read_exact(&mut bytes))
            .await
            .unwrap();
        bytes
    }
}

#[tokio::test]
async fn both_sorts_come_by_the_same_listener() {
    for scheme in ["tcp", crate::support::LOCAL] {
        let scene = Scene::at(scheme).await;
        let mut foreign = BusRt::join(scene.address(), "foreign").await;
        let native = scene.client("native").await;
        let mut subscription = native.subscribe("from/foreign").await.unwrap();
        assert_eq!(foreign.operate(0x42, b"from/native").await, 1);

        // Headers are for native clients only.
        let post = Post::to_topic("from/native", &Raw("hello".into())).unwrap();
        let post = post.header("a", "b").unwrap();
        assert_eq!(native.post(&post).await, Ok(Delivery::Delivered));
        let expected = b"native\0from/native\0hello".to_vec();
        assert_eq!(foreign.delivery().await, (0x01, expected));

        assert_eq!(foreign.operate(0x41, b"from/foreign\0hi").await, 1);
        let message = next(&mut subscription).await;
        assert_eq!((message.sender(), message.codec()), ("foreign", None));
        assert!(message.headers().is_empty());
        assert_eq!(message.decode(), Ok(Raw("hi".into())));

        assert_eq!(
            native.broadcast("for*", &Raw("all".into())).await,
            Ok(Delivery::Nobody)
        );
        assert_eq!(
            native.send("foreign", &Raw("you".into())).await,
            Ok(Delivery::Delivered)
        );
        assert_eq!(foreign.delivery().await, (0x12, b"native\0you".to_vec()));
        let mut inbox = native.inbox();
        foreign.send(0x13, b"*\0bc").await;
        assert_eq!(foreign.delivery().await, (0x13, b"foreign\0bc".to_vec()));
        let told = wait::within("a message", inbox.next()).await.unwrap();
        assert_eq!(told.kind(), MessageKind::Broadcast);
    }
}

#[tokio::test]
async fn both_sorts_call_each_other() {
    let scene = Scene::at("tcp").await;
    let mut foreign = BusRt::join(scene.address(), "foreign").await;
    let native = scene.client("native").await;
    native.serve(
        Router::new().method("double", async |number: i64, _: Context| {
            Ok::<_, CallError>(2 * number)
        }),
    );
    // MessagePack of 21 and 42 is one byte each.
    let question = b"native\0\x01\x07\0\0\0double\0\x15";
    assert_eq!(foreign.operate(0x52, question).await, 1);
    let answer = b"native\0\x11\x07\0\0\0\x2a".to_vec();
    assert_eq!(foreign.delivery().await, (0x12, answer));
    assert_eq!(
        foreign
            .operate(0x52, b"native\0\x01\x08\0\0\0nothing\0")
            .await,
        1
    );
    let (_, answer) = foreign.delivery().await;
    // -32601: no such method.
    assert_eq!(answer[..14], *b"native\0\x12\x08\0\0\0\xa7\x80");

    let remote = native.remote("foreign");
    let call = tokio::spawn(async move { remote.send_request::<i64>("half", &42).await });
    let (kind, question) = foreign.delivery().await;
    assert_eq!((kind, &question[..8]), (0x12, &b"native\0\x01"[..]));
    let id: [u8; 4] = question[8..12].try_into().unwrap();
    assert_eq!(question[12..], *b"half\0\x2a");
    let reply = [b"native\0\x11".as_slice(), &id, b"\x15"].concat();
    assert_eq!(foreign.operate(0x52, &reply).await, 1);
    assert_eq!(wait::within("the answer", call).await.unwrap(), Ok(21));

    let remote = native.remote("foreign");
    let call = tokio::spawn(async move { remote.send_request::<i64>("half", &1).await });
    let (_, question) = foreign.delivery().await;
    let id: [u8; 4] = question[8..12].try_into().unwrap();
    let error = [
        b"native\0\x12".as_slice(),
        &id,
        &(-777_i16).to_le_bytes(),
        b"odd",
    ]
    .concat();
    assert_eq!(foreign.operate(0x52, &error).await, 1);
    let failed = wait::within("the answer", call).await.unwrap().unwrap_err();
    assert!(failed.to_string().contains("-777: odd"), "{failed}");

    // Who dies owes no more answers.
    let remote = native.remote("foreign");
    let call = tokio::spawn(async move { remote.send_request::<i64>("half", &1).await });
    foreign.delivery().await;
    drop(foreign);
    let failed = wait::within("the caller to fail", call).await.unwrap();
    assert!(
        matches!(failed, Err(CallError::OutcomeUnknown { .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn the_broker_answers_calls_itself() {
    let scene = Scene::at("mem").await;
    let native = scene.client("native").await;
    let answer: std::collections::BTreeMap<String, bool> = native
        .remote(".broker")
        .send_request("test", &Raw::default())
        .await
        .unwrap();
    assert_eq!(answer.get("ok"), Some(&true));
}
