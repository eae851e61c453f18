//! What holds of every input, for the fuzzer.

use std::fmt::Debug;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bus::wire::{
    Attach, Attached, DeadLetterPage, Headers, ListDeadLetters, Operation, Receipt, Record,
    RecordKind, Replayed, ShowDeadLetter, Subscribe, Watch, WholeDeadLetter,
};

/// Reads bytes as everything that a native client and a broker say to each other; for the fuzzer.
///
/// # Panics
///
/// If what was read is something else after it was written by us.
pub fn probe(bytes: &[u8]) {
    let Some((sort, rest)) = bytes.split_first() else {
        return;
    };
    let rest = Bytes::copy_from_slice(rest);
    match sort % SORTS {
        0 => operation(&rest, false),
        1 => operation(&rest, true),
        2 => records(rest),
        3 => receipt(&rest),
        4 => headers(&rest),
        5 => map::<Attach>(&rest),
        6 => map::<Attached>(&rest),
        7 => map::<Subscribe>(&rest),
        8 => map::<Watch>(&rest),
        9 => map::<ListDeadLetters>(&rest),
        10 => map::<ShowDeadLetter>(&rest),
        11 => map::<DeadLetterPage>(&rest),
        12 => map::<WholeDeadLetter>(&rest),
        _ => map::<Replayed>(&rest),
    }
}

/// What is passed on is written as it was read.
fn operation(body: &Bytes, has_two: bool) {
    let Ok(operation) = Operation::decode(body.clone(), has_two) else {
        return;
    };
    let headers = Headers::decode(&operation.headers).unwrap_or_default();
    let texts: &[&str] = match has_two {
        true => &[operation.first(), operation.last()],
        false => &[operation.first()],
    };
    let again = Operation::encode(operation.codec, &headers, texts, &operation.payload());
    assert_eq!(again, body);
}

/// Each record takes something, and is written as it was read.
fn records(mut item: Bytes) {
    while !item.is_empty() {
        let before = item.clone();
        let Ok(record) = Record::decode(&mut item) else {
            return;
        };
        let taken = before.slice(..before.len() - item.len());
        let mut again = Vec::new();
        match record.kind {
            // What stands in a gap beside its number is skipped.
            RecordKind::Gap(dropped) => Record::encode_gap(dropped, &mut again),
            kind => {
                let (headers, rest) = (&record.headers, &record.rest);
                Record::encode_message(
                    kind,
                    record.codec,
                    headers,
                    rest,
                    record.is_long,
                    &mut again,
                );
                assert_eq!(again, taken);
            }
        }
        let written = Record::decode(&mut again.into());
        assert_eq!(written.map(|written| written.kind), Ok(record.kind));
    }
}

fn receipt(body: &Bytes) {
    if let Ok(receipt) = Receipt::decode(body) {
        assert!(body.starts_with(&receipt.encode()));
    }
}

/// Headers that were looked at are all there, and are found by their names.
fn headers(encoded: &Bytes) {
    let read = Headers::decode(encoded);
    assert_eq!(read.is_ok(), Headers::check(encoded).is_ok());
    let Ok(headers) = read else {
        return;
    };
    let mut again = Headers::new();
    for (name, value) in headers.iter() {
        // More than fits was never received.
        let Ok(()) = again.add(name, value) else {
            return;
        };
        assert_eq!(Headers::value_in(encoded, name), headers.value(name));
    }
    assert_eq!(again.encoded(), &encoded[..]);
}

/// A map that was read is the same after it was written.
fn map<T: DeserializeOwned + Serialize + Debug>(body: &Bytes) {
    let Ok(value) = rmp_serde::from_slice::<T>(body) else {
        return;
    };
    let written = rmp_serde::to_vec_named(&value).unwrap_or_default();
    let again = rmp_serde::from_slice::<T>(&written);
    let again = again.map(|again| format!("{again:?}")).ok();
    assert_eq!(again, Some(format!("{value:?}")));
}

const SORTS: u8 = 14;
