//! MessagePack as a row of tokens.

use bytes::{Buf, TryGetError};

/// Cuts tokens off bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a>(&'a [u8]);

/// A value, or the head of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
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

/// The bytes end within a token, or begin none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoToken;

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, NoToken> {
        Ok(match self.0.try_get_u8()? {
            marker @ 0x00..=0x7f => Token::Unsigned(marker.into()),
            marker @ 0x80..=0x8f => Token::Map((marker & 0x0f).into()),
            marker @ 0x90..=0x9f => Token::List((marker & 0x0f).into()),
            marker @ 0xa0..=0xbf => Token::Text(self.take((marker & 0x1f).into())?),
            0xc0 => Token::Nil,
            0xc1 => return Err(NoToken),
            marker @ 0xc2..=0xc3 => Token::Bool(marker == 0xc3),
            marker @ 0xc4..=0xc6 => {
                let length = self.length(marker - 0xc4)?;
                Token::Bytes(self.take(length)?)
            }
            marker @ 0xc7..=0xc9 => {
                let length = self.length(marker - 0xc7)?;
                self.extension(length)?
            }
            0xca => Token::Float(self.0.try_get_f32()?.into()),
            0xcb => Token::Float(self.0.try_get_f64()?),
            marker @ 0xcc..=0xcf => Token::Unsigned(self.0.try_get_uint(1 << (marker - 0xcc))?),
            marker @ 0xd0..=0xd3 => Token::Signed(self.signed(1 << (marker - 0xd0))?),
            marker @ 0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            marker @ 0xd9..=0xdb => {
                let length = self.length(marker - 0xd9)?;
                Token::Text(self.take(length)?)
            }
            marker @ 0xdc..=0xdd => Token::List(self.length(marker - 0xdb)?),
            marker @ 0xde..=0xdf => Token::Map(self.length(marker - 0xdd)?),
            marker @ 0xe0..=0xff => Token::Signed(marker.cast_signed().into()),
        })
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, power_of_two: u8) -> Result<usize, NoToken> {
        let length = self.0.try_get_uint(1 << power_of_two)?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn signed(&mut self, bytes: usize) -> Result<i64, NoToken> {
        let shift = i64::BITS as usize - 8 * bytes;
        // `Buf::try_get_int` does not extend the sign, in bytes 1.12 at least.
        Ok((self.0.try_get_uint(bytes)? << shift).cast_signed() >> shift)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NoToken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(NoToken)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Skips its type and its bytes.
    fn extension(&mut self, length: usize) -> Result<Token<'a>, NoToken> {
        self.take(length.saturating_add(1))?;
        Ok(Token::Extension)
    }
}

impl From<TryGetError> for NoToken {
    fn from(_: TryGetError) -> Self {
        Self
    }
}
