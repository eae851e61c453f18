//! The frames that docs/protocol.md shows.

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Category, Code};
use linkspan_proto::frame::{Checksum, Flags, Frame, Segments};
use linkspan_proto::message::{
    self, Accepted, Cancel, CancelReason, Chunk, Credit, Event, Failure, Goodbye, Heartbeat,
    Identity, Message, Metadata, Proof, Request, Response, Status, Usage, VersionRange,
};
use linkspan_proto::session::{Handshake, Session};
use linkspan_proto::{Config, Decoder, Role, StreamId};
use rmpv::Value;

/// What the golden blocks show: the frames of one session, and some of others.
pub(super) fn frames() -> Vec<(&'static str, Checksum, Frame)> {
    let (offer, choice) = opening();
    let mut shown = vec![
        ("handshake-offer", offer),
        ("handshake-choice", choice),
        ("error-version", refusal()),
        ("handshake-proof", step(proof())),
        ("handshake-token", step(token())),
        ("handshake-accepted", step(accepted())),
    ];
    shown.extend(from_client());
    shown.extend(from_server());
    shown.extend(compressed());
    let mut shown: Vec<_> = shown
        .into_iter()
        .map(|(name, frame)| (name, Checksum::Crc32, frame))
        .collect();
    let pong = Response::new(Status::Ok, Bytes::from_static(b"\xA4pong"));
    let unchecked = frame(2, 1, Flags::END, Message::Response(pong));
    shown.push(("response-unchecked", Checksum::Off, unchecked));
    shown
}

/// The frames with which a session opens.
fn opening() -> (Frame, Frame) {
    let config = |name: &str| {
        let mut config = Config::default();
        config.identity = Identity::new(name, "1.0", "b7");
        config
    };
    let mut client = Handshake::new(Role::Client, config("ada"), nonce(0x00));
    let mut server = Handshake::new(Role::Server, config("greeter"), nonce(0x20));
    let offer = client.poll_transmit().unwrap();
    server.handle_frame(offer.clone()).unwrap().unwrap();
    (offer, server.poll_transmit().unwrap())
}

/// A step that is its sender's second frame.
fn step(step: message::Handshake) -> Frame {
    frame(2, 0, Flags::NONE, Message::Handshake(Box::new(step)))
}

fn proof() -> message::Handshake {
    message::Handshake::Proof(Proof::of_key("0123456789abcdef", nonce(0x40)))
}

fn token() -> message::Handshake {
    message::Handshake::Proof(Proof::of_token("eyJh.e30.c2ln"))
}

fn accepted() -> message::Handshake {
    let mut accepted = Accepted::new("key:ci");
    accepted.expires_in_ms = Some(7_200_000);
    accepted.renewable = true;
    accepted.proof = Some(nonce(0x60));
    message::Handshake::Accepted(accepted)
}

fn nonce(first: u8) -> [u8; 32] {
    std::array::from_fn(|place| first + u8::try_from(place).unwrap())
}

/// What a server answers that speaks only newer versions.
#[expect(clippy::disallowed_methods, reason = "a test is a driver")]
fn refusal() -> Frame {
    let mut config = Config::default();
    config.versions = VersionRange::new(2, 3);
    let mut server: Session = Session::new(Role::Server, config, [0; 32]);
    let mut offer = BytesMut::from(&encode(&opening().0, Checksum::Crc32)[..]);
    server.handle_bytes(Instant::now(), &mut offer).unwrap_err();
    let mut answer = Vec::new();
    server.poll_transmit(&mut answer);
    let refusal = Decoder::handshake().decode(&mut BytesMut::from(&answer[..]));
    refusal.unwrap().unwrap()
}

/// Bodies that say one thing sixteen times; what they say is looked at where they are inflated.
fn compressed() -> [(&'static str, Frame); 2] {
    let names = Event::new(
        "clock/names",
        1_767_225_600_000_000,
        Bytes::from_static(b"\x80\0\0\0\x8FAda and \x08\0\x5F\x60a and "),
    );
    let answer = Bytes::from_static(
        b"\x80\0\0\0\x28\xB5\x2F\xFD\x20\x80\x7D\0\0\x40Ada and \x01\0\x75\x69\xE1\x02",
    );
    let answer = Message::Response(Response::new(Status::Ok, answer));
    [
        ("event-lz4", frame(9, 0, Flags::LZ4, Message::Event(names))),
        (
            "response-zstd",
            frame(14, 5, Flags::ZSTD.with(Flags::END), answer),
        ),
    ]
}

fn from_client() -> Vec<(&'static str, Frame)> {
    let greet = Request::new("greeter.greet", named_ada());
    let mut count = Request::new("greeter.count", Bytes::from_static(b"{\"up_to\""));
    count.timeout = Some(Duration::from_millis(1500));
    let mut metadata = Metadata::new();
    metadata.set_text(Metadata::CONTENT_TYPE, "json");
    count.metadata = Some(Box::new(metadata));
    let rest = Chunk::new(0, Bytes::from_static(b":2}"));
    let noon = Event::new(
        "clock/noon",
        1_767_225_600_000_000,
        Bytes::from_static(b"\xC0"),
    );
    vec![
        (
            "request-unary",
            frame(2, 1, Flags::END, Message::Request(greet)),
        ),
        (
            "request-continued",
            frame(3, 3, Flags::CONTINUED, Message::Request(count)),
        ),
        ("chunk-end", frame(4, 3, Flags::END, Message::Chunk(rest))),
        ("event", frame(5, 0, Flags::NONE, Message::Event(noon))),
        ("heartbeat-ask", beat(6, Heartbeat::Ask)),
        ("credit-stream", credit(7, 3, 262_144)),
        (
            "cancel",
            frame(
                8,
                5,
                Flags::NONE,
                Message::Cancel(Cancel::new(CancelReason::Dropped)),
            ),
        ),
    ]
}

fn from_server() -> Vec<(&'static str, Frame)> {
    let mut greeting = Response::new(Status::Ok, Bytes::from_static(b"\xAAHello, Ada"));
    let mut usage = Usage::default();
    usage.time = Duration::from_micros(42);
    usage.received_bytes = 10;
    usage.sent_bytes = 11;
    greeting
        .metadata
        .insert(Box::new(Metadata::new()))
        .set_usage(&usage);
    let counting = Response::new(Status::Ok, Bytes::new());
    let too_high = Response::new(Status::Error, Bytes::from_static(b"\"too high\""));
    let rejected = Failure::new(
        Category::Limit,
        Code::REJECTED,
        "a layer rejected the request",
    );
    let rejected = rejected
        .retry_after(Duration::from_millis(250))
        .because(&std::io::Error::other("rate limited"));
    let item = |number, bytes: &'static [u8]| {
        Message::Chunk(Chunk::new(number, Bytes::from_static(bytes)))
    };
    let goodbye = Goodbye::new(StreamId::new(7), "the server stops");
    vec![
        (
            "response-unary",
            frame(2, 1, Flags::END, Message::Response(greeting)),
        ),
        (
            "response-stream",
            frame(3, 3, Flags::NONE, Message::Response(counting)),
        ),
        (
            "chunk-continued",
            frame(4, 3, Flags::CONTINUED, item(0, b"1")),
        ),
        ("chunk-item", frame(5, 3, Flags::NONE, item(1, b"0"))),
        ("chunk-empty", frame(6, 3, Flags::NONE, item(2, b""))),
        (
            "response-error",
            frame(7, 3, Flags::END, Message::Response(too_high)),
        ),
        ("heartbeat-answer", beat(8, Heartbeat::Answer)),
        ("credit-connection", credit(9, 0, 2_097_152)),
        (
            "error-stream",
            frame(10, 9, Flags::NONE, Message::Error(Box::new(rejected))),
        ),
        ("end", frame(11, 11, Flags::NONE, Message::End)),
        (
            "goodbye",
            frame(12, 0, Flags::NONE, Message::Goodbye(goodbye)),
        ),
        (
            "unknown-kind",
            frame(13, 0, Flags::NONE, Message::Unknown(200)),
        ),
    ]
}

/// The parameters `name = "Ada"`.
fn named_ada() -> Bytes {
    let parameters = Value::Map(vec![("name".into(), "Ada".into())]);
    let mut encoded = Vec::new();
    rmpv::encode::write_value(&mut encoded, &parameters).unwrap();
    encoded.into()
}

fn frame(id: u64, stream: u64, flags: Flags, message: Message) -> Frame {
    Frame::new(id, StreamId::new(stream), flags, message)
}

fn beat(id: u64, heartbeat: Heartbeat) -> Frame {
    frame(id, 0, Flags::NONE, Message::Heartbeat(heartbeat))
}

fn credit(id: u64, stream: u64, bytes: u64) -> Frame {
    frame(id, stream, Flags::NONE, Message::Credit(Credit::new(bytes)))
}

pub(super) fn encode(frame: &Frame, checksum: Checksum) -> Vec<u8> {
    let mut segments = Segments::new();
    frame.encode(1, checksum, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}
