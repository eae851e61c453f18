//! Section 18 of docs/protocol.md against the code.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::samples::{from_client, from_daemon};
use super::{encoded, encoder, frame_of};
use crate::daemon::wire::{FromClient, FromDaemon, Kind};

#[test]
fn golden_bytes_are_those_that_the_code_writes_and_reads() {
    let mut golden = blocks();
    for (name, message) in from_client() {
        let right = encoded(|out| message.encode(&encoder(), out));
        let frame = documented(&mut golden, name, &right);
        assert_eq!(FromClient::decode(frame_of(&frame)), Ok(Some(message)));
    }
    for (name, message) in from_daemon() {
        let right = encoded(|out| message.encode(&encoder(), out));
        let frame = documented(&mut golden, name, &right);
        assert_eq!(FromDaemon::decode(frame_of(&frame)), Ok(Some(message)));
    }
    assert!(golden.is_empty(), "no test for {:?}", golden.keys());
}

#[test]
fn every_kind_has_golden_bytes() {
    let shown: Vec<Kind> = blocks().values().map(|wire| frame_of(wire).kind).collect();
    for kind in Kind::ALL {
        assert!(shown.contains(&kind), "there are no golden bytes of {kind}");
    }
}

/// The bytes that the document shows under a name, which are the right ones.
fn documented(golden: &mut BTreeMap<&str, Bytes>, name: &str, right: &Bytes) -> Bytes {
    let documented = golden.remove(name).unwrap_or_default();
    assert_eq!(
        documented,
        right,
        "```daemon {name} should be\n{}",
        dump(right)
    );
    documented
}

/// The bytes of all blocks ```` ```daemon NAME ````; what follows a `#` is for people.
fn blocks() -> BTreeMap<&'static str, Bytes> {
    let blocks = DOCUMENT.split("\n```daemon ").skip(1).map(|block| {
        let (name, rest) = block.split_once('\n').unwrap();
        let (body, _) = rest.split_once("\n```").unwrap();
        let digits = body.lines().flat_map(|line| {
            let bytes = line.split('#').next().unwrap_or_default();
            bytes.split_whitespace()
        });
        let bytes = digits.map(|byte| u8::from_str_radix(byte, 16).unwrap());
        (name, bytes.collect())
    });
    blocks.collect()
}

/// Bytes as they can be pasted into the document.
fn dump(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).map(|line| {
        let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        line.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

const DOCUMENT: &str = include_str!("../../../../../../docs/protocol.md");
