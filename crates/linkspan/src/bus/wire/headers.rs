//! Named values beside a payload.

use bytes::{Buf, BufMut, Bytes};
use thiserror::Error;

use crate::bus::wire::Malformed;

/// Named texts that travel with a message between native clients; clients of BUS/RT do not see them.
///
/// They keep their order. A name may stand there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// As they go over the wire: for each the lengths in two bytes, then name and value.
    encoded: Vec<u8>,
}

/// Headers are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("headers of {bytes} bytes exceed the limit of {limit} bytes")]
#[non_exhaustive]
pub struct HeadersTooLong {
    /// What they would take.
    pub bytes: usize,
    /// What they may.
    pub limit: usize,
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    ///
    /// # Errors
    ///
    /// [`HeadersTooLong`] if all of them together would take more than 65,535 bytes, with four for
    /// each itself.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), HeadersTooLong> {
        let bytes = self.encoded.len() + name.len() + value.len() + 2 * LENGTH_BYTES;
        let lengths = (u16::try_from(name.len()), u16::try_from(value.len()));
        let (Ok(name_bytes), Ok(value_bytes), true) = (lengths.0, lengths.1, bytes <= MOST_BYTES)
        else {
            let limit = MOST_BYTES;
            return Err(HeadersTooLong { bytes, limit });
        };
        self.encoded.put_u16_le(name_bytes);
        self.encoded.put_u16_le(value_bytes);
        self.encoded.put_slice(name.as_bytes());
        self.encoded.put_slice(value.as_bytes());
        Ok(())
    }

    /// The first value of a name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.encoded.as_slice();
        std::iter::from_fn(move || next(&mut rest))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Reads what [`encoded`](Self::encoded) gives.
    pub(crate) fn decode(encoded: &Bytes) -> Result<Self, Malformed> {
        Self::check(encoded)?;
        let encoded = encoded.to_vec();
        Ok(Self { encoded })
    }

    /// The first value of a name in what [`encoded`](Self::encoded) gives.
    pub(crate) fn value_in<'a>(encoded: &'a [u8], name: &str) -> Option<&'a str> {
        let mut rest = encoded;
        let mut headers = std::iter::from_fn(|| next(&mut rest));
        headers.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Looks whether they can be read.
    pub(crate) fn check(encoded: &Bytes) -> Result<(), Malformed> {
        let mut rest = encoded.as_ref();
        while !rest.is_empty() {
            next(&mut rest).ok_or(Malformed("header"))?;
        }
        Ok(())
    }
}

/// Takes the first of what is left; none if it is no header.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, &'a str)> {
    let name_bytes = rest.try_get_u16_le().ok()?;
    let value_bytes = rest.try_get_u16_le().ok()?;
    let (name, after) = rest.split_at_checked(name_bytes.into())?;
    let (value, after) = after.split_at_checked(value_bytes.into())?;
    *rest = after;
    Some((
        std::str::from_utf8(name).ok()?,
        std::str::from_utf8(value).ok()?,
    ))
}

/// The header by which a publication requires somebody to get it, and its value.
pub(crate) const RECEIVER: &str = "receiver";
pub(crate) const REQUIRED: &str = "required";
const LENGTH_BYTES: usize = 2;
const MOST_BYTES: usize = u16::MAX as usize;
