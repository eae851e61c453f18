//! MessagePack as a row of items.

use bytes::{Buf, TryGetError};

/// Cuts items off bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a>(&'a [u8]);

/// A value, or the head of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// It need not be UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// So many values follow.
    List(usize),
    /// So many pairs follow.
    Map(usize),
    /// None has a meaning for us.
    Extension,
}

/// The bytes end within an item, or begin none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoItem;

impl<'a> Items<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next(&mut self) -> Result<Item<'a>, NoItem> {
        Ok(match self.0.try_get_u8()? {
            marker @ 0x00..=0x7f => Item::Unsigned(marker.into()),
            marker @ 0x80..=0x8f => Item::Map((marker & 0x0f).into()),
            marker @ 0x90..=0x9f => Item::List((marker & 0x0f).into()),
            marker @ 0xa0..=0xbf => Item::Text(self.take((marker & 0x1f).into())?),
            0xc0 => Item::Nil,
            0xc1 => return Err(NoItem),
            marker @ 0xc2..=0xc3 => Item::Bool(marker == 0xc3),
            marker @ 0xc4..=0xc6 => {
                let length = self.length(marker - 0xc4)?;
                Item::Bytes(self.take(length)?)
            }
            marker @ 0xc7..=0xc9 => {
                let length = self.length(marker - 0xc7)?;
                self.extension(length)?
            }
            0xca => Item::Float(self.0.try_get_f32()?.into()),
            0xcb => Item::Float(self.0.try_get_f64()?),
            marker @ 0xcc..=0xcf => Item::Unsigned(self.0.try_get_uint(1 << (marker - 0xcc))?),
            marker @ 0xd0..=0xd3 => Item::Signed(self.signed(1 << (marker - 0xd0))?),
            marker @ 0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            marker @ 0xd9..=0xdb => {
                let length = self.length(marker - 0xd9)?;
                Item::Text(self.take(length)?)
            }
            marker @ 0xdc..=0xdd => Item::List(self.length(marker - 0xdb)?),
            marker @ 0xde..=0xdf => Item::Map(self.length(marker - 0xdd)?),
            marker @ 0xe0..=0xff => Item::Signed(marker.cast_signed().into()),
        })
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, power_of_two: u8) -> Result<usize, NoItem> {
        let length = self.0.try_get_uint(1 << power_of_two)?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn signed(&mut self, bytes: usize) -> Result<i64, NoItem> {
        let shift = i64::BITS as usize - 8 * bytes;
        // `Buf::try_get_int` does not extend the sign, in bytes 1.12 at least.
        Ok((self.0.try_get_uint(bytes)? << shift).cast_signed() >> shift)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NoItem> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NoItem)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Skips its type and its bytes.
    fn extension(&mut self, length: usize) -> Result<Item<'a>, NoItem> {
        self.take(length.saturating_add(1))?;
        Ok(Item::Extension)
    }
}

impl From<TryGetError> for NoItem {
    fn from(_: TryGetError) -> Self {
        Self
    }
}
