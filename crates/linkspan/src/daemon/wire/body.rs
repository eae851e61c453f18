//! Bodies as MessagePack, and lists in them that peers cannot make too long.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use proto::frame::delimited::Frame;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::daemon::wire::DecodeError;
use crate::daemon::wire::unpack::Unpacker;

/// Reads the map that is the body of `frame`.
pub(super) fn read<T: DeserializeOwned>(frame: &Frame) -> Result<T, DecodeError> {
    let malformed = |problem| DecodeError::malformed(frame.kind, problem);
    if !frame.body.first().is_some_and(|marker| is_map(*marker)) {
        return Err(malformed("it is not a map".to_owned()));
    }
    let mut unpacker = Unpacker::new(&frame.body);
    let value = T::deserialize(&mut unpacker);
    let value = value.map_err(|error| malformed(error.to_string()))?;
    match unpacker.is_at_end() {
        true => Ok(value),
        false => Err(malformed("bytes follow the map".to_owned())),
    }
}

/// Writes `message` as a map.
pub(super) fn write<T: Serialize>(message: &T) -> Bytes {
    let mut body = Vec::new();
    rmp_serde::encode::write_named(&mut body, message)
        .expect("texts, bytes and numbers always encode");
    body.into()
}

/// The beginning of `text`, as many whole characters as fit into so many bytes.
pub(super) fn cut(mut text: String, bytes: usize) -> String {
    let mut ends = (0..=bytes.min(text.len())).rev();
    let end = ends.find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}

/// Reads a list of at most `MAX` values.
pub(super) fn list<'de, const MAX: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(List::<MAX, T>(PhantomData))
}

struct List<const MAX: usize, T>(PhantomData<T>);

impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for List<MAX, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let announced = values.size_hint().unwrap_or_default();
        if announced > MAX {
            return Err(A::Error::invalid_length(announced, &self));
        }
        let mut list = Vec::with_capacity(announced.min(TRUSTED_VALUES));
        while let Some(value) = values.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX.saturating_add(1), &self));
            }
            list.push(value);
        }
        Ok(list)
    }
}

fn is_map(marker: u8) -> bool {
    matches!(marker, 0x80..=0x8f | 0xde | 0xdf)
}

/// Room that is made for values before they are there.
const TRUSTED_VALUES: usize = 256;
