//! docs/protocol.md against the code: golden bytes, keys, limits, kinds and codes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Category, Code, DecodeError, MessageError};
use linkspan_proto::frame::{Checksum, Flags, Frame, Kind, Segments};
use linkspan_proto::message::{
    Cancel, CancelReason, Chunk, Credit, Event, Failure, Goodbye, Heartbeat, Identity, Message,
    Metadata, Request, Response, Status, Usage,
};
use linkspan_proto::session::{EndError, Handshake, Session};
use linkspan_proto::{Config, Decoder, Limits, Role, StreamId};
use rmpv::Value;

#[test]
fn every_kind_has_golden_bytes() {
    let documented: BTreeSet<u8> = golden().values().map(|bytes| bytes[5]).collect();
    for kind in Kind::ALL {
        assert!(
            documented.contains(&(kind as u8)),
            "docs/protocol.md has no golden bytes of a {kind:?}"
        );
    }
}

#[test]
fn golden_bytes_are_those_that_the_code_writes_and_reads() {
    let mut golden = golden();
    for (name, checksum, frame) in frames() {
        let documented = golden.remove(name).unwrap_or_default();
        let encoded = encode(&frame, checksum);
        assert_eq!(
            documented,
            encoded,
            "```golden {name} should be\n{}",
            dump(&encoded)
        );

        let mut input = BytesMut::from(&documented[..]);
        let mut decoder = Decoder::new(1, checksum, Limits::default().max_frame_bytes);
        assert_eq!(
            decoder.decode(&mut input).unwrap(),
            Some(frame),
            "```golden {name}"
        );
        assert!(input.is_empty(), "```golden {name} is longer than a frame");
    }
    assert!(
        golden.is_empty(),
        "no test for the golden bytes {:?}",
        golden.keys()
    );
}

#[test]
fn the_table_of_kinds_is_complete() {
    let documented: Vec<_> = rows("## 2.").map(|row| row[..2].to_vec()).collect();
    let kinds = Kind::ALL.map(|kind| vec![(kind as u8).to_string(), lower_case(kind)]);
    assert_eq!(documented, kinds);
}

#[test]
fn each_kind_takes_the_flags_that_are_documented() {
    const NAMES: [(&str, Flags); 6] = [
        ("lz4", Flags::LZ4),
        ("zstd", Flags::ZSTD),
        ("sealed", Flags::SEALED),
        ("end", Flags::END),
        ("metadata", Flags::METADATA),
        ("continued", Flags::CONTINUED),
    ];
    for row in rows("## 2.") {
        let sample = frames().into_iter().map(|(_, _, frame)| frame);
        let sample = sample
            .into_iter()
            .find(|frame| frame.message.kind().to_string() == row[0])
            .unwrap();
        let taken = NAMES
            .iter()
            .filter(|(_, flag)| takes_flag(&sample, *flag))
            .map(|(name, _)| *name);
        assert_eq!(
            row[3].replace("none", ""),
            taken.collect::<Vec<_>>().join(", "),
            "flags of {}",
            row[1]
        );
    }
}

#[test]
fn the_table_of_handshake_keys_is_complete() {
    for (name, column) in [("handshake-offer", 1), ("handshake-choice", 2)] {
        let bytes = &golden()[name];
        let map = rmpv::decode::read_value(&mut &bytes[36..bytes.len() - 8]).unwrap();
        let sent: BTreeSet<_> = keys(&map).into_iter().collect();
        let documented: BTreeSet<_> = rows("### 3.2")
            .filter(|row| row[column] == "always")
            .map(|row| row[0].clone())
            .collect();
        assert_eq!(documented, sent, "keys of the {name}");
    }
}

#[test]
fn the_table_of_limits_has_the_defaults_of_the_code() {
    let documented: BTreeMap<_, _> = rows("## 11.")
        .map(|row| (row[0].clone(), (row[1].replace(',', ""), row[2].clone())))
        .collect();
    let limits = rmp_serde::to_vec_named(&Limits::default()).unwrap();
    let limits = rmpv::decode::read_value(&mut &limits[..]).unwrap();
    assert_eq!(
        keys(&limits).len(),
        4,
        "a new limit needs its unit in this test"
    );
    let config = Config::default();
    let figure = |name: &str, value: u64, unit: &str| (name.to_owned(), value, unit.to_owned());
    let own = [
        figure(
            "send_buffer_bytes",
            config.send_buffer_bytes as u64,
            "bytes",
        ),
        figure(
            "stream_buffer_bytes",
            config.stream_buffer_bytes as u64,
            "bytes",
        ),
        figure(
            "heartbeat_interval",
            config.heartbeat_interval.as_secs(),
            "s",
        ),
        figure(
            "heartbeat_misses",
            config.heartbeat_misses.into(),
            "questions",
        ),
    ];
    let told = limits.as_map().unwrap().iter().map(|(name, value)| {
        let name = name.as_str().unwrap();
        let unit = if name == "max_streams" {
            "streams"
        } else {
            "bytes"
        };
        figure(name, value.as_u64().unwrap(), unit)
    });
    for (name, value, unit) in told.chain(own) {
        assert_eq!(
            documented.get(&name),
            Some(&(value.to_string(), unit)),
            "limit {name}"
        );
    }
}

#[test]
fn the_table_of_categories_is_complete() {
    let documented: Vec<_> = rows("### 10.2").map(|row| row[..2].to_vec()).collect();
    let known = (0..=u64::from(u8::MAX))
        .map(|number| (number, Category::from_number(number)))
        .filter(|(number, category)| *number == 0 || *category != Category::Other)
        .map(|(number, category)| vec![number.to_string(), category.name().to_owned()]);
    assert_eq!(documented, known.collect::<Vec<_>>());
}

#[test]
fn the_table_of_codes_is_complete() {
    // Codes are open, so the code has no list of them: its source is one.
    let source = include_str!("../../src/error/code.rs");
    let names = source.split("Self::named(\"").skip(1);
    let known: BTreeSet<_> = names.filter_map(|rest| rest.split('"').next()).collect();
    assert!(known.contains(Code::BUSY.name()) && known.len() > 20);

    let table: Vec<_> = rows("### 10.3").collect();
    let documented: BTreeSet<_> = table.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(documented, known);
    assert_eq!(table.len(), known.len(), "a code stands there twice");

    let categories: BTreeSet<_> = rows("### 10.2").map(|row| row[1].clone()).collect();
    for row in table {
        assert!(
            categories.contains(&row[1]),
            "{} has the category {:?}",
            row[0],
            row[1]
        );
        assert!(
            ["yes", "no"].contains(&row[2].as_str()),
            "{} is retryable: {:?}",
            row[0],
            row[2]
        );
    }
}

/// What the golden blocks show: the frames of one session, and some of others.
fn frames() -> Vec<(&'static str, Checksum, Frame)> {
    let (offer, choice) = opening();
    let mut shown = vec![
        ("handshake-offer", offer),
        ("handshake-choice", choice),
        ("error-version", refusal()),
    ];
    shown.extend(from_client());
    shown.extend(from_server());
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
    let nonce = |first: u8| std::array::from_fn(|place| first + u8::try_from(place).unwrap());
    let mut client = Handshake::new(Role::Client, config("ada"), nonce(0x00));
    let mut server = Handshake::new(Role::Server, config("greeter"), nonce(0x20));
    let offer = client.poll_transmit().unwrap();
    server.handle_frame(offer.clone()).unwrap().unwrap();
    (offer, server.poll_transmit().unwrap())
}

/// What a server answers that speaks only newer versions.
#[expect(clippy::disallowed_methods, reason = "a test is a driver")]
fn refusal() -> Frame {
    let mut config = Config::default();
    config.versions = linkspan_proto::message::VersionRange::new(2, 3);
    let mut server: Session = Session::new(Role::Server, config, [0; 32]);
    let mut offer = BytesMut::from(&encode(&opening().0, Checksum::Crc32)[..]);
    let end = server.handle_bytes(Instant::now(), &mut offer).unwrap_err();
    let EndError::Handshake(error) = end else {
        panic!("{end}")
    };
    Handshake::refusal(error.to_failure().unwrap())
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

fn encode(frame: &Frame, checksum: Checksum) -> Vec<u8> {
    let mut segments = Segments::new();
    frame.encode(1, checksum, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}

/// Whether a frame like this one may have the flag.
fn takes_flag(sample: &Frame, flag: Flags) -> bool {
    let flagged = frame(1, 1, flag, sample.message.clone());
    let mut input = BytesMut::from(&encode(&flagged, Checksum::Off)[..]);
    let decoded = Decoder::new(1, Checksum::Off, u32::MAX).decode(&mut input);
    let refused = MessageError::Flags {
        kind: Kind::from_byte(sample.message.kind()).unwrap(),
        flags: flag,
    };
    !matches!(decoded, Err(DecodeError::Message { source, .. }) if source == refused)
}

/// The bytes of all blocks ```` ```golden NAME ````; what follows a `#` is for people.
fn golden() -> BTreeMap<&'static str, Vec<u8>> {
    let blocks = DOCUMENT.split("\n```golden ").skip(1);
    let blocks: Vec<_> = blocks
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            let (body, _) = rest.split_once("\n```").unwrap();
            let digits = body
                .lines()
                .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
            let bytes = digits.map(|byte| {
                u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{byte:?} in {name}"))
            });
            (name, bytes.collect())
        })
        .collect();
    let count = blocks.len();
    let golden = BTreeMap::from_iter(blocks);
    assert_eq!(golden.len(), count, "two golden blocks have one name");
    golden
}

/// The rows of the first table under a heading, without the heads of its columns.
fn rows(heading: &str) -> impl Iterator<Item = Vec<String>> {
    let (_, section) = DOCUMENT
        .split_once(&format!("\n{heading}"))
        .unwrap_or_else(|| panic!("docs/protocol.md has no section {heading:?}"));
    let table = section.lines().skip_while(|line| !line.starts_with('|'));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|');
        cells
            .map(|cell| cell.replace('`', "").trim().to_owned())
            .collect()
    };
    table
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
}

fn keys(map: &Value) -> Vec<String> {
    let entries = map.as_map().unwrap();
    entries
        .iter()
        .map(|(key, _)| key.as_str().unwrap().to_owned())
        .collect()
}

fn lower_case(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

/// Bytes as they can be pasted into the document.
fn dump(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).map(|line| {
        let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        line.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");
