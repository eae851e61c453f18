//! Security identifiers: the names of users and groups on Windows.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A security identifier, as in `S-1-5-18`.
///
/// The type exists on every system, so that programs can read, show and compare identifiers that
/// come from elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    /// Who gave the name; 48 bits are used.
    authority: u64,
    count: u8,
    /// What the authority has named, from the general to the special; zeros from `count` on.
    parts: [u32; Self::MAX_PARTS],
}

impl Sid {
    /// `S-1-0-0`, which is nobody.
    pub const NOBODY: Self = Self::well_known(0, &[0]);
    /// `S-1-5-18`, the system itself.
    pub const SYSTEM: Self = Self::well_known(5, &[18]);
    /// `S-1-5-32-544`, the group of administrators, which owns what its members make when they use
    /// their rights.
    pub const ADMINISTRATORS: Self = Self::well_known(5, &[32, 544]);

    /// Most numbers after the authority.
    const MAX_PARTS: usize = 15;
    /// The authority's field has 48 bits.
    const MAX_AUTHORITY: u64 = (1 << 48) - 1;
    const REVISION: u8 = 1;

    /// Reads the binary form; `None` if `bytes` are not exactly one identifier.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[revision, count], rest) = bytes.split_first_chunk()?;
        let (&[a, b, c, d, e, f], rest) = rest.split_first_chunk()?;
        let (words, tail) = rest.as_chunks::<4>();
        if revision != Self::REVISION || words.len() != usize::from(count) || !tail.is_empty() {
            return None;
        }
        let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Self::new(
            authority,
            words.iter().map(|word| u32::from_le_bytes(*word)),
        )
    }

    fn new(authority: u64, numbers: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut sid = Self::well_known(authority, &[]);
        for number in numbers {
            *sid.parts.get_mut(usize::from(sid.count))? = number;
            sid.count += 1;
        }
        (authority <= Self::MAX_AUTHORITY).then_some(sid)
    }

    /// An identifier with at most so many numbers as there is room for.
    pub(crate) const fn well_known(authority: u64, mut numbers: &[u32]) -> Self {
        let mut parts = [0; Self::MAX_PARTS];
        let mut room = parts.as_mut_slice();
        let mut count = 0;
        while let Some((number, further)) = numbers.split_first()
            && let Some((place, left)) = room.split_first_mut()
        {
            *place = *number;
            count += 1;
            (numbers, room) = (further, left);
        }
        Self {
            authority,
            count,
            parts,
        }
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S-{}-", Self::REVISION)?;
        // Large authorities are written in hexadecimal numbers, everywhere.
        match u32::try_from(self.authority) {
            Ok(authority) => write!(f, "{authority}")?,
            Err(_) => write!(f, "{:#014x}", self.authority)?,
        }
        let parts = self.parts.iter().take(usize::from(self.count));
        parts.into_iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

impl FromStr for Sid {
    type Err = SidError;

    fn from_str(text: &str) -> Result<Self, SidError> {
        parse(text).ok_or_else(|| SidError { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Sid> {
    let rest = text
        .strip_prefix("S-1-")
        .or_else(|| text.strip_prefix("s-1-"))?;
    let mut fields = rest.split('-');
    let authority = fields.next()?;
    let authority = match authority.strip_prefix("0x") {
        Some(digits) => number(digits, 16)?,
        None => number(authority, 10)?,
    };
    let parts = fields.map(|part| u32::try_from(number(part, 10)?).ok());
    Sid::new(authority, parts.collect::<Option<Vec<_>>>()?)
}

/// Digits only: the standard library would take a sign, too.
fn number(digits: &str, radix: u32) -> Option<u64> {
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let number = u64::from_str_radix(digits, radix).ok();
    number.filter(|_| is_number)
}

/// A text is not a security identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a security identifier such as S-1-5-18, with at most {} numbers after the authority",
    Sid::MAX_PARTS
)]
#[non_exhaustive]
pub struct SidError {
    /// The text.
    pub text: String,
}
