//! MessagePack is read as by another library.

use serde::Deserialize;
use serde_json::Value;

use crate::daemon::wire::unpack::Unpacker;

#[test]
fn values_of_every_beginning_are_read_as_by_another_library() {
    for begin in 0..=u8::MAX {
        for length in [0, 1, 40] {
            let mut bytes = vec![begin, 0, 0, 0, length];
            for letter in b'a'..=b'z' {
                bytes.extend([0xa1, letter, 0xd1, 0xff, letter]);
            }
            let value = Value::deserialize(&mut Unpacker::new(&bytes));
            // It takes a text that is not UTF-8 for bytes, and an extension for a pair.
            let other = rmp_serde::from_slice::<Value>(&bytes);
            if !matches!(begin, 0xc7..=0xc9 | 0xd4..=0xd8) {
                assert_eq!(value.ok(), other.ok(), "{begin:#x} {length}");
            }
        }
    }
}

#[test]
fn what_is_cut_anywhere_is_no_value() {
    let value =
        serde_json::json!({"a": [1, -1, 70_000, 2.5, null, true], "b": {"c": "d".repeat(40)}});
    let bytes = rmp_serde::to_vec(&value).unwrap();
    for end in 0..bytes.len() {
        assert!(Value::deserialize(&mut Unpacker::new(&bytes[..end])).is_err());
    }
    let mut whole = Unpacker::new(&bytes);
    assert_eq!(Value::deserialize(&mut whole).unwrap(), value);
    assert!(whole.is_at_end());
}

#[test]
fn what_is_skipped_is_skipped_as_a_whole() {
    let later = serde_json::json!({"x": [{"y": [1.5, "z"]}, null, -5], "command": 7});
    let bytes = rmp_serde::to_vec(&later).unwrap();
    let mut unpacker = Unpacker::new(&bytes);
    let accepted = crate::daemon::wire::Accepted::deserialize(&mut unpacker).unwrap();
    assert_eq!(accepted.command, 7);
    assert!(unpacker.is_at_end());
    // An extension of 3 bytes, too.
    let bytes = b"\x82\xa1x\xc7\x03\x01abc\xa7command\x07";
    let accepted = crate::daemon::wire::Accepted::deserialize(&mut Unpacker::new(bytes));
    assert_eq!(accepted.unwrap().command, 7);
}

#[test]
fn errors_name_their_place() {
    let bytes = rmp_serde::to_vec(&serde_json::json!([{"a": 1}, {"a": "x"}])).unwrap();
    type Maps = Vec<std::collections::BTreeMap<String, u8>>;
    let error = Maps::deserialize(&mut Unpacker::new(&bytes)).unwrap_err();
    let expected = "[1].a: invalid type: string \"x\", expected u8";
    assert_eq!(error.to_string(), expected);
}
