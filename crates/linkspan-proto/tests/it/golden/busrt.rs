//! Section 19 of docs/protocol.md against the code.

use std::iter;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::busrt::{
    Action, BusEvent, Delivery, FromBroker, FromBrokerDecoder, FromClient, FromClientDecoder,
    Limits, Masks, Name, Operation, Qos, Route, Rpc, RpcCode, Status,
};
use linkspan_proto::topic::{self, Mask};

use super::document::{blocks, rows, section};
use super::dump;

#[test]
fn golden_frames_of_busrt_are_those_that_the_code_writes_and_reads() {
    let mut golden = blocks("busrt");
    let limits = Limits::default();
    for (name, item) in from_clients() {
        let documented = golden.remove(name).unwrap_or_default();
        let mut out = Segments::new();
        item.encode(&limits, &mut out).unwrap();
        check(name, &documented, &mut out);
        let before: &[u8] = match item {
            FromClient::Greeting => b"",
            FromClient::Name(_) => b"\xeb\x01\0",
            _ => b"\xeb\x01\0\x01\0x",
        };
        let mut input = BytesMut::from(&[before, &documented].concat()[..]);
        let mut decoder = FromClientDecoder::new(limits);
        let decoded = iter::from_fn(|| decoder.decode(&mut input).unwrap());
        assert_eq!(decoded.last(), Some(item), "```busrt {name}");
    }
    for (name, item) in from_brokers() {
        let documented = golden.remove(name).unwrap_or_default();
        let mut out = Segments::new();
        item.encode(&limits, &mut out).unwrap();
        check(name, &documented, &mut out);
        let before: &[u8] = match item {
            FromBroker::Greeting => b"",
            FromBroker::Status(_) => b"\xeb\x01\0",
            _ => b"\xeb\x01\0\x01\x01",
        };
        let mut input = BytesMut::from(&[before, &documented].concat()[..]);
        let mut decoder = FromBrokerDecoder::new(limits);
        let decoded = iter::from_fn(|| decoder.decode(&mut input).unwrap());
        assert_eq!(decoded.last(), Some(item), "```busrt {name}");
    }
    assert!(golden.is_empty(), "no test for {:?}", golden.keys());
}

#[test]
fn golden_calls_and_events_are_those_that_the_code_writes_and_reads() {
    let mut golden = blocks("busrt-rpc");
    for (name, rpc) in rpcs() {
        let documented = Bytes::from(golden.remove(name).unwrap_or_default());
        assert_eq!(rpc.encode().unwrap(), documented, "```busrt-rpc {name}");
        assert_eq!(Rpc::decode(documented), Ok(rpc), "```busrt-rpc {name}");
    }
    assert!(golden.is_empty(), "no test for {:?}", golden.keys());

    let mut golden = blocks("busrt-event");
    let registered = BusEvent::Registered {
        name: "rpc.a".to_owned(),
        at_ns: 0x18e9_eb67_d4f0_b048,
    };
    let documented = golden.remove("registered").unwrap_or_default();
    assert_eq!(registered.encode(), documented);
    assert_eq!(BusEvent::decode(&documented), Some(registered));
    assert!(golden.is_empty(), "no test for {:?}", golden.keys());
}

#[test]
fn the_table_of_operations_is_complete() {
    let documented: Vec<_> = section("### 19.2")
        .split("\n\n")
        .map(str::to_owned)
        .collect();
    let codes = documented
        .iter()
        .find(|part| part.starts_with("| code |"))
        .unwrap();
    let rows = codes
        .lines()
        .skip(2)
        .map(|line| line.split('|').nth(1).unwrap());
    let documented: Vec<_> = rows
        .map(|code| code.replace('`', "").trim().to_owned())
        .collect();
    let known = (0..0x40_u8).filter(|code| {
        let header = [
            &b"\xeb\x01\0\x01\0x"[..],
            &[1, 0, 0, 0, 0x40 | code],
            &[0; 4],
        ]
        .concat();
        let mut decoder = FromClientDecoder::new(Limits::default());
        let mut input = BytesMut::from(&header[..]);
        let unknown = linkspan_proto::error::BusrtDecodeError::Operation { code: *code };
        (0..3).all(|_| decoder.decode(&mut input) != Err(unknown))
    });
    let known: Vec<_> = known.map(|code| format!("{code:02x}")).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_table_of_statuses_is_complete() {
    let documented: Vec<_> = rows("### 19.5").collect();
    let known =
        Status::ALL.map(|status| vec![format!("{:02x}", status.number()), status.to_string()]);
    assert_eq!(documented, known);
}

#[test]
fn the_table_of_masks_is_what_the_code_does() {
    let text = section("### 19.7");
    let head = text
        .lines()
        .find(|line| line.starts_with("| mask |"))
        .unwrap();
    let plain = |cell: &str| cell.replace('`', "").trim().replace("(empty)", "");
    let topics: Vec<_> = head
        .trim_matches('|')
        .split('|')
        .skip(1)
        .map(plain)
        .collect();
    let mut masks = 0;
    for row in rows("### 19.7") {
        let mask = Mask::new(plain(&row[0]), &topic::Limits::default()).unwrap();
        for (topic, cell) in topics.iter().zip(&row[1..]) {
            assert_eq!(mask.matches(topic), cell == "yes", "{mask:?} and {topic:?}");
        }
        masks += 1;
    }
    assert_eq!((masks, topics.len()), (12, 8));
}

#[test]
fn the_document_has_the_limits_of_the_code() {
    let (limits, topics) = (Limits::default(), topic::Limits::default());
    let has = |heading, number: u64| {
        let digits: Vec<_> = number.to_string().into_bytes();
        let groups = digits.rchunks(3).rev();
        let groups: Vec<_> = groups.map(|group| str::from_utf8(group).unwrap()).collect();
        let number = groups.join(",");
        let text = section(heading);
        let mut words = text.split(|c: char| !c.is_ascii_digit() && c != ',');
        let found = words.any(|word| word.trim_end_matches(',') == number);
        assert!(found, "section {heading} does not name {number}");
    };
    has("### 19.1", limits.max_name_bytes.into());
    has("### 19.4", limits.max_body_bytes.into());
    has(
        "### 19.4",
        u64::from(limits.max_delivery_bytes() - limits.max_body_bytes),
    );
    has("### 19.4", limits.max_masks.into());
    has("### 19.7", topics.max_bytes.into());
    has("### 19.7", topics.max_levels.into());
}

fn check(name: &str, documented: &[u8], out: &mut Segments) {
    let encoded = out.copy_to_bytes(out.remaining());
    let right = dump(&encoded);
    assert_eq!(documented, encoded, "```busrt {name} should be\n{right}");
}

fn from_clients() -> Vec<(&'static str, FromClient)> {
    let operation = |id, qos, action| FromClient::Operation(Operation::new(id, qos, action));
    let masks = |masks: &[&str]| Masks::new(masks.iter().copied()).unwrap();
    let publish = Action::Publish {
        topic: "t/1".into(),
        payload: "hello".into(),
    };
    let publish_for = Action::PublishFor {
        topic: "t/1".into(),
        receiver: "a.one".into(),
        payload: "forone".into(),
    };
    let send = Action::Message {
        target: "nobody".into(),
        payload: "hi".into(),
    };
    let broadcast = Action::Broadcast {
        mask: "?.one".into(),
        payload: "bc".into(),
    };
    let subscribe = Action::Subscribe(masks(&["t/1", "t/+/x", "w/#"]));
    let name = Name::new("a.one", &Limits::default()).unwrap();
    vec![
        ("client-greeting", FromClient::Greeting),
        ("name", FromClient::Name(name)),
        ("subscribe", operation(1, Qos::Processed, subscribe)),
        ("publish", operation(2, Qos::Processed, publish)),
        (
            "publish-for",
            operation(5, Qos::RealtimeProcessed, publish_for),
        ),
        ("send", operation(8, Qos::Processed, send)),
        ("broadcast", operation(10, Qos::Processed, broadcast)),
        (
            "exclude",
            operation(11, Qos::No, Action::Exclude(masks(&["#"]))),
        ),
        ("client-ping", FromClient::Ping),
    ]
}

fn from_brokers() -> Vec<(&'static str, FromBroker)> {
    let delivery = |route, is_realtime, payload: &'static str| {
        FromBroker::Delivery(Delivery::new("b.one", route, is_realtime, payload.into()))
    };
    let ack = |id, status| FromBroker::Ack { id, status };
    let route = Route::Publication {
        topic: "t/1".into(),
    };
    vec![
        ("broker-greeting", FromBroker::Greeting),
        ("status", FromBroker::Status(Status::Ok)),
        ("publication", delivery(route, true, "hello")),
        ("message", delivery(Route::Message, false, "\0hi")),
        ("broadcasted", delivery(Route::Broadcast, false, "bc")),
        ("ack", ack(2, Status::Ok)),
        ("ack-unknown-target", ack(8, Status::NotRegistered)),
        ("broker-ping", FromBroker::Ping),
    ]
}

fn rpcs() -> Vec<(&'static str, Rpc)> {
    let request = Rpc::Request {
        id: 7,
        method: "test".into(),
        params: "x".into(),
    };
    let reply = Rpc::Reply {
        id: 7,
        result: Bytes::from_static(b"\x81\xa2ok\xc3"),
    };
    let error = Rpc::Error {
        id: 99,
        code: RpcCode(-777),
        data: "oops".into(),
    };
    let notification = Rpc::Notification { data: "hi".into() };
    vec![
        ("request", request),
        ("reply", reply),
        ("error", error),
        ("notification", notification),
    ]
}
