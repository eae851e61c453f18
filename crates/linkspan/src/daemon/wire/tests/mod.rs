//! What is encoded comes back, and what cannot be meant is refused.

mod golden;
mod samples;
mod unpack;

use std::time::Duration;

use bytes::{Buf, Bytes};
use proto::error::Blame;
use proto::frame::Segments;
use proto::message::VersionRange;
use serde_json::json;

use super::*;
use samples::{from_client, from_daemon};

#[test]
fn all_messages_come_back_as_they_went() {
    for (name, message) in from_client() {
        let frame = frame_of(&encoded(|out| message.encode(&encoder(), out)));
        assert_eq!(FromClient::decode(frame), Ok(Some(message)), "{name}");
    }
    for (name, message) in from_daemon() {
        let frame = frame_of(&encoded(|out| message.encode(&encoder(), out)));
        assert_eq!(FromDaemon::decode(frame), Ok(Some(message)), "{name}");
    }
}

#[test]
fn a_message_from_the_wrong_side_is_refused() {
    let both = [Kind::VersionCheck, Kind::Credit, Kind::Control];
    let is_common = |frame: &Frame| both.contains(&frame.kind);
    for (name, message) in from_client() {
        let frame = frame_of(&encoded(|out| message.encode(&encoder(), out)));
        if !is_common(&frame) {
            let error = FromDaemon::decode(frame).unwrap_err();
            assert!(matches!(error, DecodeError::Direction { .. }), "{name}");
        }
    }
    for (name, message) in from_daemon() {
        let frame = frame_of(&encoded(|out| message.encode(&encoder(), out)));
        if !is_common(&frame) {
            let error = FromClient::decode(frame).unwrap_err();
            assert!(matches!(error, DecodeError::Direction { .. }), "{name}");
        }
    }
    let error = FromClient::decode(Frame::new(Kind::Exit, Bytes::new())).unwrap_err();
    assert_eq!(error.to_string(), "exit is not for a client to send");
    assert_eq!(error.blame(), Blame::Peer);
}

#[test]
fn kinds_of_later_versions_are_ignored() {
    let frame = Frame::new(Kind::Unknown(200), Bytes::from_static(b"\xc1"));
    assert_eq!(FromClient::decode(frame.clone()), Ok(None));
    assert_eq!(FromDaemon::decode(frame), Ok(None));
}

#[test]
fn fields_of_later_versions_are_skipped_and_missing_ones_have_defaults() {
    let check = json!({
        "protocol": "linkspan.daemon",
        "versions": [1, 9],
        "role": "client",
        "limits": {"max_window_bytes": 1},
        "later": {"a": [1, {"b": null}]},
    });
    let FromClient::VersionCheck(check) = client(Kind::VersionCheck, &check).unwrap() else {
        panic!("it is a version check");
    };
    assert_eq!(check.versions, VersionRange::new(1, 9));
    assert_eq!(check.limits, Limits::default());
    assert_eq!(check.stream_credit, VersionCheck::STREAM_CREDIT);
    assert_eq!((check.pid, &check.daemon_id[..]), (None, ""));

    let command = json!({"command": 1, "request_id": "sixteen", "niceness": 3});
    assert!(
        client(Kind::Command, &command).is_err(),
        "an id has 16 bytes"
    );
}

#[test]
fn words_of_later_versions_are_understood_as_far_as_that_goes() {
    let cancel = client(Kind::Cancel, &json!({"command": 1, "reason": "boredom"}));
    let expected = Cancel::new(1, CancelReason::Other);
    assert_eq!(cancel, Ok(FromClient::Cancel(expected)));

    let exit = json!({"command": 1, "outcome": "suspended", "until": "noon"});
    let expected = Exit::new(1, Outcome::Unknown);
    assert_eq!(daemon(Kind::Exit, &exit), Ok(FromDaemon::Exit(expected)));

    let refused = json!({"command": 1, "outcome": "refused", "refusal": "tired"});
    let Ok(FromDaemon::Exit(exit)) = daemon(Kind::Exit, &refused) else {
        panic!("it is an exit");
    };
    let (refusal, message) = (Refusal::Other, String::new());
    assert_eq!(exit.outcome, Outcome::Refused { refusal, message });

    let request = client(Kind::Control, &json!({"verb": "dance", "drain_ms": 5}));
    let Ok(FromClient::Control(request)) = request else {
        panic!("it is a request");
    };
    assert_eq!((request.verb, request.drain_ms), (Verb::Unknown, Some(5)));

    let terminal = json!({"colours": "infrared"});
    let terminal: Terminal = serde_json::from_value(terminal).unwrap();
    assert_eq!(terminal, Terminal::default());
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let cases = [
        (
            Kind::Signal,
            json!({"command": 1, "signal": "INT"}),
            "signal: ",
        ),
        (
            Kind::Signal,
            json!({"command": 1}),
            "missing field `signal`",
        ),
        (
            Kind::Resize,
            json!({"command": 1, "size": {"columns": 1, "rows": 70_000}}),
            "size.rows",
        ),
        (Kind::Cancel, json!({"command": -1}), "command: "),
        (Kind::Cancel, json!([1]), "it is not a map"),
        (
            Kind::Credit,
            json!({"command": 1, "stream": "stdin", "bytes": 1}),
            "stream: ",
        ),
        (
            Kind::Credit,
            json!({"command": 1, "stream": "fd3", "bytes": 1}),
            "stream: ",
        ),
        (
            Kind::VersionCheck,
            json!({"protocol": "http", "versions": [1, 1], "role": "client"}),
            "protocol: ",
        ),
        (
            Kind::VersionCheck,
            json!({"protocol": "linkspan.daemon", "versions": [2, 1], "role": "client"}),
            "versions: ",
        ),
        (
            Kind::VersionCheck,
            json!({
                "protocol": "linkspan.daemon", "versions": [1, 1], "role": "client",
                "limits": {"max_chunk_bytes": 65_535},
            }),
            "limits: one is below 65536 bytes",
        ),
    ];
    for (kind, body, place) in cases {
        let error = client(kind, &body).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{kind} is malformed: ")),
            "{error}"
        );
        assert!(error.contains(place), "{error} instead of {place}");
    }
}

#[test]
fn bytes_after_the_map_a_cut_map_and_deep_maps_are_refused() {
    let whole = rmp_serde::to_vec_named(&Cancel::new(1, CancelReason::Hangup)).unwrap();
    for end in 0..whole.len() {
        let body = Bytes::copy_from_slice(&whole[..end]);
        assert!(FromClient::decode(Frame::new(Kind::Cancel, body)).is_err());
    }
    let body = Bytes::from([&whole[..], b"\xc0"].concat());
    let error = FromClient::decode(Frame::new(Kind::Cancel, body)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cancel is malformed: bytes follow the map"
    );

    let deep = [
        b"\x82\xa7command\x01\xa1x".to_vec(),
        vec![0x91; 60_000],
        vec![0xc0],
    ]
    .concat();
    assert!(FromClient::decode(Frame::new(Kind::Cancel, deep.into())).is_err());
}

#[test]
fn lists_are_bounded_by_what_they_announce_and_by_what_they_have() {
    let head = b"\x83\xa7command\x01\xaarequest_id\xc4\x100123456789abcdef\xa9arguments\xdd";
    let command = |announced: u32, values: usize| {
        let body = [&head[..], &announced.to_be_bytes(), &vec![0xa0; values]].concat();
        FromClient::decode(Frame::new(Kind::Command, body.into()))
    };
    let most = u32::try_from(MAX_ARGUMENTS).unwrap();
    let Ok(Some(FromClient::Command(whole))) = command(most, MAX_ARGUMENTS) else {
        panic!("as many are allowed");
    };
    assert_eq!(whole.arguments.len(), MAX_ARGUMENTS);
    for (announced, values) in [(most + 1, MAX_ARGUMENTS + 1), (u32::MAX, 3)] {
        let error = command(announced, values).unwrap_err().to_string();
        assert!(error.contains("arguments: invalid length"), "{error}");
    }
}

#[test]
fn problems_are_short_whatever_the_peer_wrote() {
    let body = json!({"command": 1, "stream": "ü".repeat(30_000), "bytes": 1});
    let Err(DecodeError::Malformed { problem, .. }) = client(Kind::Credit, &body) else {
        panic!("there is no such stream");
    };
    assert!(problem.len() <= 200 && problem.len() > 190, "{problem}");
}

#[test]
fn a_chunk_is_the_number_of_its_command_and_bytes() {
    for length in 0..4 {
        let body = Bytes::from(vec![1; length]);
        let error = FromClient::decode(Frame::new(Kind::Stdin, body)).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{error}");
    }
    let body = Bytes::from_static(b"\0\0\x01\0");
    let end = Chunk::new(256, Bytes::new());
    assert!(end.is_end());
    let decoded = FromDaemon::decode(Frame::new(Kind::Stderr, body));
    assert_eq!(decoded, Ok(Some(FromDaemon::Stderr(end))));
}

#[test]
fn the_highest_common_version_is_agreed_on_from_either_side() {
    let check = |min, max, features: &[&str]| {
        let mut check = VersionCheck::new(Role::Client, "d", "b");
        check.versions = VersionRange::new(min, max);
        check.features = features
            .iter()
            .map(|feature| (*feature).to_owned())
            .collect();
        check
    };
    let cases = [
        (
            check(1, 3, &["b", "a", "b"]),
            check(2, 5, &["a", "c", "b"]),
            Some((3, 2)),
        ),
        (check(1, 1, &[]), check(1, 1, &["a"]), Some((1, 0))),
        (check(1, 2, &["a"]), check(3, 4, &["a"]), None),
    ];
    for (one, other, expected) in cases {
        let agreed = one.agree(&other);
        assert_eq!(agreed, other.agree(&one));
        let figures = agreed.map(|agreed| (agreed.version, agreed.features.len()));
        assert_eq!(figures, expected);
    }
}

#[test]
fn no_value_that_may_be_secret_is_shown() {
    let mut command = Command::new(1, RequestId([7; 16]));
    command.arguments = vec![
        Bytes::from_static(b"tool"),
        Bytes::from_static(b"--hunter2"),
    ];
    command.environment = vec![(Bytes::from_static(b"KEY"), Bytes::from_static(b"hunter2"))];
    command.payload = Bytes::from_static(b"hunter2");
    let shown = format!("{:?}", FromClient::Command(Box::new(command)));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("KEY") && shown.contains("tool"), "{shown}");
    assert!(
        shown.contains("07070707070707070707070707070707"),
        "{shown}"
    );
}

#[test]
fn errors_of_any_length_fit_into_a_frame() {
    let chain = (0..1000).map(|_| "ö".repeat(100_000));
    let error = CommandError::new(1, "ä".repeat(100_000), chain);
    assert_eq!(error.message.len(), 16 * 1024);
    let message = FromDaemon::CommandError(error);
    let frame = frame_of(&encoded(|out| message.encode(&encoder(), out)));
    assert_eq!(FromDaemon::decode(frame), Ok(Some(message)));
}

#[test]
fn times_to_come_back_are_rounded_up_and_bounded() {
    let cases = [
        (Duration::ZERO, 0),
        (Duration::from_nanos(1), 1),
        (Duration::from_micros(1500), 2),
        (Duration::MAX, u64::MAX),
    ];
    for (time, millis) in cases {
        let busy = Busy::new(None, time, "");
        assert_eq!(busy.retry_after_ms, millis);
        assert_eq!(busy.retry_after(), Duration::from_millis(millis));
    }
}

fn client(kind: Kind, body: &serde_json::Value) -> Result<FromClient, DecodeError> {
    let body = rmp_serde::to_vec_named(body).unwrap();
    FromClient::decode(Frame::new(kind, body.into())).map(Option::unwrap)
}

fn daemon(kind: Kind, body: &serde_json::Value) -> Result<FromDaemon, DecodeError> {
    let body = rmp_serde::to_vec_named(body).unwrap();
    FromDaemon::decode(Frame::new(kind, body.into())).map(Option::unwrap)
}

fn encoder() -> Encoder {
    Encoder::new(Limits::default())
}

fn encoded<E: std::fmt::Debug>(encode: impl FnOnce(&mut Segments) -> Result<(), E>) -> Bytes {
    let mut out = Segments::new();
    encode(&mut out).unwrap();
    out.copy_to_bytes(out.remaining())
}

/// The frame that was encoded, by the rules of the specification.
fn frame_of(wire: &Bytes) -> Frame {
    let mut header = &wire[..HEADER_BYTES];
    let length = header.get_u32() as usize;
    assert_eq!(length + 4, wire.len());
    let kind = Kind::from_number(header.get_u8()).unwrap();
    Frame::new(kind, wire.slice(HEADER_BYTES..))
}
