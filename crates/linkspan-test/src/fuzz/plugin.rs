//! What plugins tell their hosts beside answers.

use std::fmt::Debug;

use linkspan::codec::Codec;
use linkspan::plugin::{Describe, LogRecord, Progress, Ready};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes `data` after its first byte, which says as what: a description, readiness, a log record or
/// progress.
///
/// - What was decoded is the same after it was encoded by us.
/// - A log record keeps no more fields than the specification says.
///
/// # Panics
///
/// If one of these does not hold.
pub fn plugin(data: &[u8]) {
    let Some((sort, body)) = data.split_first() else {
        return;
    };
    match sort % 4 {
        0 => drop(same::<Describe>(body)),
        1 => drop(same::<Ready>(body)),
        2 => {
            let record = same::<LogRecord>(body);
            assert!(record.is_none_or(|record| record.fields.len() <= 64));
        }
        _ => drop(same::<Progress>(body)),
    }
}

/// What was decoded, if it could be. It is compared as text, where NaN is itself.
fn same<T: DeserializeOwned + Serialize + Debug>(body: &[u8]) -> Option<T> {
    let value: T = Codec::Msgpack.decode(body).ok()?;
    let written = Codec::Msgpack.encode(&value);
    let again = written.and_then(|written| Codec::Msgpack.decode::<T>(&written));
    let again = again.map(|again| format!("{again:?}"));
    assert_eq!(again, Ok(format!("{value:?}")));
    Some(value)
}
