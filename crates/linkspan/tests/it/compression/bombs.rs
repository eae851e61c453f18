//! Bodies that are not what they say: they cost whoever sends them, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use linkspan::auth::policy::{Guard, Policy, Role, Roles};
use linkspan::auth::{self, Authentication};
use linkspan::codec::Raw;
use linkspan::compression::{Compression, deflate};
use linkspan::rpc::{CallError, Client, Context, Request as Asked, Response, Server};
use linkspan::{Address, Code, Failure};
use linkspan_test::raw::RawClient;
use linkspan_test::wait;
use proto::Config;
use proto::frame::Flags;
use proto::message::{Chunk, Event, Message, Request};

use super::scene::{Scene, by_any, check_echo, echoes, text};
use crate::audit_lines::AuditLines;

/// A server whose methods read what they get, or never do; and somebody who goes on with his calls.
struct Siege {
    scene: Scene,
    bystander: Client,
    handled: Arc<AtomicUsize>,
    lines: AuditLines,
}

impl Siege {
    async fn begin() -> Self {
        Self::of(|server| server).await
    }

    async fn of(change: impl FnOnce(Server) -> Server) -> Self {
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let length = async |request: Asked| {
            let length = request.body.collect().await?.len();
            Ok(Response::new(length.to_string()))
        };
        let hold = async |request: Asked| {
            let _unread = request;
            std::future::pending::<Result<Response, CallError>>().await
        };
        let router = echoes()
            .raw_method("length", length)
            .raw_method("hold", hold)
            .on_event("read", move |_: Raw, _: Context| {
                count.fetch_add(1, Ordering::Relaxed);
                async {}
            })
            .on_event("slow", async |_: Raw, _: Context| {
                tokio::time::sleep(Duration::from_millis(20)).await;
            })
            .on_event("hold", async |_: Raw, _: Context| {
                std::future::pending::<()>().await;
            });
        let lines = AuditLines::default();
        let mut known = auth::Config::default();
        known.anonymous = true;
        known.audit = Some(lines.audit());
        let server = Server::new()
            .authentication(Authentication::new(known))
            .compression(by_any())
            .service(router);
        let scene = Scene::at("tcp", change(server)).await;
        let bystander = scene.client(by_any()).await;
        check_echo(&bystander, &text(100_000)).await;
        Self {
            scene,
            bystander,
            handled,
            lines,
        }
    }

    fn address(&self) -> &Address {
        self.scene.serving.address()
    }

    async fn attacker(&self, algorithms: &[Compression]) -> RawClient {
        let mut config = Config::default();
        config.compression = algorithms.to_vec();
        RawClient::open_with(self.address(), config).await.unwrap()
    }

    /// Waits until it was written down after the first `count` lines what was refused; gives the details.
    async fn noted(&self, count: usize, action: &str, reason: &str) -> String {
        let line = self.lines.noted(count, action, reason).await;
        line["detail"].as_str().unwrap().to_owned()
    }

    /// The bystander's connection has not ended, and its calls are answered.
    async fn expect_unharmed(&self) {
        let connection = self.bystander.connection().unwrap();
        assert_eq!(connection.stats().session.streams_open, 0);
        check_echo(&self.bystander, &text(300_000)).await;
        assert!(connection.is_open());
    }
}

fn flag(compression: Compression) -> Flags {
    match compression {
        Compression::Lz4 => Flags::LZ4,
        _ => Flags::ZSTD,
    }
}

/// 65,536 zeros in some bytes, which announce something else.
fn bomb(compression: Compression, announced: u32) -> Bytes {
    let zeros = deflate(compression, 3, &[0; 65_536]).unwrap();
    assert!(zeros.len() < 300);
    [&announced.to_le_bytes(), &zeros[4..]].concat().into()
}

fn garbage() -> Bytes {
    [&3000_u32.to_le_bytes()[..], &[0xA5; 500]].concat().into()
}

/// The failure by which the server ends the whole session.
async fn last_words(client: &mut RawClient) -> Failure {
    let frames = wait::within("the end", client.receive_to_end()).await;
    let last = frames.into_iter().rfind(|frame| frame.stream.get() == 0);
    match last.map(|frame| frame.message) {
        Some(Message::Error(failure)) => *failure,
        other => panic!("{other:?}"),
    }
}

/// What the server says on a stream.
async fn answer(client: &mut RawClient, stream: u64) -> Message {
    loop {
        let frame = wait::within("a frame", client.receive()).await.unwrap();
        let frame = frame.expect("the session goes on");
        match frame.message {
            // What is still sent is given back, and needed no more.
            Message::Credit(_) | Message::Cancel(_) => {}
            message if frame.stream.get() == stream => return message,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_announces_too_much_ends_the_session_before_anything_is_inflated() {
    let siege = Siege::begin().await;
    for compression in Compression::ALL {
        for announced in [65_537, 1 << 30, u32::MAX] {
            let before = siege.lines.count();
            let mut client = siege.attacker(&Compression::ALL).await;
            let request = Request::new("length", bomb(compression, announced));
            let flags = flag(compression).with(Flags::END);
            client
                .send(1, flags, Message::Request(request))
                .await
                .unwrap();
            let failure = last_words(&mut client).await;
            assert_eq!(failure.code, Code::TOO_LARGE);
            let told = format!(
                "stream 1: a body compressed by {compression} announces {announced} bytes, \
                 which exceeds the limit of 65536 bytes"
            );
            assert_eq!(failure.message, told);
            drop(client);
            assert_eq!(siege.noted(before, "session.end", "protocol").await, told);
        }
        siege.expect_unharmed().await;
    }
}

#[tokio::test]
async fn flags_that_nobody_agreed_on_end_the_session() {
    let siege = Siege::begin().await;
    let request = || Message::Request(Request::new("length", bomb(Compression::Lz4, 65_536)));
    let only_lz4 = [Compression::Lz4];
    for (agreed, flags, told) in [
        (&[][..], Flags::LZ4, "the flags {lz4} were not agreed"),
        (&[][..], Flags::ZSTD, "the flags {zstd} were not agreed"),
        (
            &only_lz4[..],
            Flags::ZSTD,
            "the flags {zstd} were not agreed",
        ),
        (
            &Compression::ALL[..],
            Flags::LZ4.with(Flags::ZSTD),
            "a Request on stream 1 cannot have the flags {lz4, zstd}",
        ),
    ] {
        let before = siege.lines.count();
        let mut client = siege.attacker(agreed).await;
        client.send(1, flags, request()).await.unwrap();
        let failure = last_words(&mut client).await;
        assert_eq!(
            (failure.code, &failure.message[..]),
            (Code::BAD_FRAME, told)
        );
        drop(client);
        assert_eq!(siege.noted(before, "session.end", "protocol").await, told);
    }
    let mut client = siege.attacker(&Compression::ALL).await;
    client.send(0, Flags::LZ4, Message::End).await.unwrap();
    assert_eq!(last_words(&mut client).await.code, Code::BAD_FRAME);
    siege.expect_unharmed().await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_ends_its_stream() {
    let siege = Siege::begin().await;
    for compression in Compression::ALL {
        let mut client = siege.attacker(&Compression::ALL).await;
        let whole = bomb(compression, 65_536);
        let bodies = [
            bomb(compression, 10),
            bomb(compression, 65_535),
            bomb(compression, 0),
            garbage(),
            whole.slice(..whole.len() - 1),
            whole.slice(..4),
        ];
        let before = siege.lines.count();
        let flags = flag(compression).with(Flags::END);
        for (stream, body) in (1..).step_by(4).zip(bodies) {
            let request = Message::Request(Request::new("length", body));
            client.send(stream, flags, request).await.unwrap();
            let Message::Error(failure) = answer(&mut client, stream).await else {
                panic!("a failure")
            };
            assert_eq!(failure.code, Code::BAD_COMPRESSION, "{failure}");
            assert!(failure.message.contains(compression.name()), "{failure}");
            // The session goes on, and so do its other streams.
            let request = Message::Request(Request::new("length", whole.clone()));
            client.send(stream + 2, flags, request).await.unwrap();
            let Message::Response(response) = answer(&mut client, stream + 2).await else {
                panic!("an answer")
            };
            assert_eq!(response.body, "65536");
        }
        siege.expect_unharmed().await;
        let detail = siege
            .noted(before, "session.inflate", "bad_compression")
            .await;
        assert!(detail.contains(compression.name()), "{detail}");
        // Once for each session, whatever it sends: nobody fills a log with it.
        let lines = siege.lines.since(before);
        let noted = lines
            .iter()
            .filter(|line| line["action"] == "session.inflate");
        assert_eq!(noted.count(), 1);
    }
}

#[tokio::test]
async fn a_piece_that_is_not_what_it_says_ends_its_stream() {
    let siege = Siege::begin().await;
    for compression in Compression::ALL {
        let mut client = siege.attacker(&Compression::ALL).await;
        let request = Message::Request(Request::new("length", Bytes::new()));
        client.send(1, Flags::CONTINUED, request).await.unwrap();
        let pieces = [bomb(compression, 65_536), bomb(compression, 65_000)];
        for (number, piece) in (0..).zip(pieces) {
            let chunk = Message::Chunk(Chunk::new(number, piece));
            let flags = flag(compression).with(Flags::CONTINUED);
            client.send(1, flags, chunk).await.unwrap();
        }
        let Message::Error(failure) = answer(&mut client, 1).await else {
            panic!("a failure")
        };
        assert_eq!(failure.code, Code::BAD_COMPRESSION, "{failure}");
        siege.expect_unharmed().await;
    }
}

#[tokio::test]
async fn an_event_that_is_not_what_it_says_ends_the_session() {
    let siege = Siege::begin().await;
    for compression in Compression::ALL {
        // The next one is handled at once, or has waited for the one before it.
        for topic in ["read", "slow"] {
            let (before, lines) = (siege.handled.load(Ordering::Relaxed), siege.lines.count());
            let mut client = siege.attacker(&Compression::ALL).await;
            let zeros = || bomb(compression, 65_536);
            for (topic, body) in [(topic, zeros()), ("read", garbage()), ("read", zeros())] {
                let event = Message::Event(Event::new(topic, 0, body));
                client.send(0, flag(compression), event).await.unwrap();
            }
            let failure = last_words(&mut client).await;
            assert_eq!(failure.code, Code::BAD_COMPRESSION, "{failure}");
            let handled = siege.handled.load(Ordering::Relaxed) - before;
            assert_eq!(handled, usize::from(topic == "read"));
            drop(client);
            let noted = siege.noted(lines, "session.end", "protocol").await;
            assert_eq!(noted, failure.message);
        }
        siege.expect_unharmed().await;
    }
}

#[tokio::test]
async fn an_event_that_its_sender_may_not_send_is_not_inflated() {
    let rights = ["rpc.call:*", "rpc.event:slow"].map(|right| right.parse().unwrap());
    let roles = Roles::new().with("caller", Role::new(rights).with_members(["*"]));
    let guard = Guard::new(Policy::new(roles).without_owner());
    let siege = Siege::of(|server| server.guard(guard.clone())).await;
    for (number, compression) in (1..).zip(Compression::ALL) {
        let mut client = siege.attacker(&Compression::ALL).await;
        let event = Message::Event(Event::new("read", 0, garbage()));
        client.send(0, flag(compression), event).await.unwrap();
        // The session goes on: nobody has looked into it.
        let request = Request::new("length", bomb(compression, 65_536));
        let flags = flag(compression).with(Flags::END);
        let request = Message::Request(request);
        client.send(1, flags, request).await.unwrap();
        let Message::Response(response) = answer(&mut client, 1).await else {
            panic!("an answer")
        };
        assert_eq!(response.body, "65536");
        assert_eq!(guard.stats().denied, number);
        // What it may send is looked into.
        let event = Message::Event(Event::new("slow", 0, garbage()));
        client.send(0, flag(compression), event).await.unwrap();
        assert_eq!(last_words(&mut client).await.code, Code::BAD_COMPRESSION);
        siege.expect_unharmed().await;
    }
}

#[tokio::test]
async fn what_waits_takes_no_more_than_it_had_on_the_wire() {
    let siege = Siege::begin().await;
    let before = os::resident_memory_bytes().unwrap();
    for compression in Compression::ALL {
        let mut client = siege.attacker(&Compression::ALL).await;
        let zeros = bomb(compression, 65_536);
        let flags = flag(compression);
        // 1.3 GiB, if it were inflated.
        for stream in (1..16).step_by(2) {
            let request = Message::Request(Request::new("hold", zeros.clone()));
            client.send(stream, flags, request).await.unwrap();
            for number in 0..2500 {
                let chunk = Message::Chunk(Chunk::new(number, zeros.clone()));
                client.send(stream, flags, chunk).await.unwrap();
            }
        }
        for stream in (17..1017).step_by(2) {
            let request = Message::Request(Request::new("hold", zeros.clone()));
            client
                .send(stream, flags.with(Flags::END), request)
                .await
                .unwrap();
        }
        for _ in 0..4000 {
            let event = Message::Event(Event::new("hold", 0, zeros.clone()));
            client.send(0, flags, event).await.unwrap();
        }
        let arrived = || {
            let connections = siege.scene.serving.connections();
            let mut stats = connections
                .iter()
                .map(|connection| connection.stats().session);
            stats.any(|stats| stats.frames_received > 24_000 && stats.streams_handled == 508)
        };
        wait::until("all of it is there", arrived).await;
        siege.expect_unharmed().await;
        let grown = os::resident_memory_bytes().unwrap().saturating_sub(before);
        assert!(grown < 256 * 1024 * 1024, "{compression}: {grown} bytes");
    }
}

#[tokio::test]
async fn whoever_inflates_much_holds_up_nobody_else() {
    let siege = Siege::begin().await;
    let mut client = siege.attacker(&Compression::ALL).await;
    let zeros = bomb(Compression::Zstd, 65_536);
    let flooding = async {
        for stream in (1..).step_by(2) {
            let request = Message::Request(Request::new("length", zeros.clone()));
            let flags = Flags::ZSTD.with(Flags::END);
            let sent = client.send(stream, flags, request).await;
            if sent.is_err() {
                return;
            }
        }
    };
    let calling = async {
        for _ in 0..20 {
            check_echo(&siege.bystander, &text(100_000)).await;
        }
    };
    tokio::select! {
        () = flooding => panic!("it was cut off"),
        () = calling => {}
    }
}
