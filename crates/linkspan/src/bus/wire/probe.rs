//! What holds of every input, for the fuzzer.

use std::fmt::Debug;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bus::wire::{
    Attach, Attached, DeadLetterPage, Headers, ListDeadLetters, Operation, Receipt, Record,
    RecordKind, Replayed, ShowDeadLetter, Subscribe, Tap, Ticket, Watch, WholeDeadLetter,
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
        13 => map::<Replayed>(&rest),
        14 => map::<Tap>(&rest),
        _ => ticket(&rest),
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

/// So is a call.
fn ticket(body: &Bytes) {
    let Ok((ticket, operation)) = Ticket::decode(body.clone()) else {
        return;
    };
    let headers = Headers::decode(&operation.headers).unwrap_or_default();
    let payload = operation.payload();
    let again = ticket.encode(&headers, operation.first(), &payload);
    let read = Ticket::decode(again);
    let read = read.map(|(ticket, operation)| (ticket, operation.payload()));
    assert_eq!(read, Ok((ticket, payload)));
}

/// Each record takes something, and is written as it was read.
fn records(mut item: Bytes) {
    while !item.is_empty() {
        let before = item.clone();
        let Ok(record) = Record::decode(&mut item) else {
            return;
        };
        let taken = before.slice(..before.len() - item.len());
        assert_eq!(rewritten(&record), taken);
        let mut plain = Vec::new();
        match record.kind {
            RecordKind::Gap(dropped) => Record::encode_gap(dropped, &mut plain),
            RecordKind::Returned(call, why) => Record::encode_returned(call, why, &mut plain),
            _ => continue,
        }
        let read = Record::decode(&mut plain.into());
        assert_eq!(read.map(|read| read.kind), Ok(record.kind));
    }
}

fn rewritten(record: &Record) -> Vec<u8> {
    let mut item = Vec::new();
    let (headers, rest) = (&record.headers, &record.rest);
    Record::encode_message(
        record.kind,
        record.codec,
        headers,
        rest,
        record.is_long,
        &mut item,
    );
    item
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

const SORTS: u8 = 16;
