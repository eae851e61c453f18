//! docs/protocol.md against the code: golden bytes, keys, limits, kinds, codes, citations.

mod busrt;
mod daemon;
mod document;
mod exchange;
mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use linkspan_proto::error::{Category, Code, DecodeError, MessageError};
use linkspan_proto::frame::{Checksum, Flags, Frame, Kind};
use linkspan_proto::{Config, Decoder, Limits, StreamId};
use rmpv::Value;

use self::document::{golden, has_section, rows};
use self::samples::{encode, frames};

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
        ("continued", Flags::CONTINUED),
        ("metadata", Flags::METADATA),
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
    let source = include_str!("../../../src/error/code.rs");
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

#[test]
fn sections_that_the_code_cites_exist() {
    const CITATION: &str = "docs/protocol.md, section ";
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cited = 0;
    for source in sources(crates) {
        let text = fs::read_to_string(&source).unwrap();
        for rest in text.split(CITATION).skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            let number = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            // This very file names the words without a number.
            if !number.is_empty() {
                assert!(
                    has_section(number),
                    "{} cites section {number}",
                    source.display()
                );
                cited += 1;
            }
        }
    }
    assert!(cited > 5, "nobody cites the document");
}

/// All Rust files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let files = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let deeper = folders.iter().filter(|path| !path.ends_with("target"));
    files.chain(deeper.flat_map(|path| sources(path))).collect()
}

/// Whether a frame like this one may have the flag.
fn takes_flag(sample: &Frame, flag: Flags) -> bool {
    let flagged = Frame::new(1, StreamId::new(1), flag, sample.message.clone());
    let mut input = BytesMut::from(&encode(&flagged, Checksum::Off)[..]);
    let decoded = Decoder::new(1, Checksum::Off, u32::MAX).decode(&mut input);
    let refused = MessageError::Flags {
        kind: Kind::from_byte(sample.message.kind()).unwrap(),
        flags: flag,
    };
    !matches!(decoded, Err(DecodeError::Message { source, .. }) if source == refused)
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
