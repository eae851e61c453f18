//! Lists of masks.

use bytes::Bytes;

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::busrt::body::check_nul;
use crate::frame::busrt::{Field, Limits};
use crate::frame::to_u64;
use crate::message::Text;

/// Masks as they stand in one frame, with a NUL between each two.
///
/// There is at least one: nothing at all is the list of the empty mask. The list is not taken apart
/// before somebody asks, so one of many small masks costs no more memory than its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masks(Text);

impl Masks {
    /// Makes a list; of nothing, that of the empty mask.
    ///
    /// # Errors
    ///
    /// [`Nul`](BusrtEncodeError::Nul): a mask has a NUL, which would make it two.
    pub fn new<'a>(masks: impl IntoIterator<Item = &'a str>) -> Result<Self, BusrtEncodeError> {
        let mut list = String::new();
        for (number, mask) in masks.into_iter().enumerate() {
            check_nul(Field::Mask, mask)?;
            if number > 0 {
                list.push(NUL);
            }
            list.push_str(mask);
        }
        Ok(Self(list.into()))
    }

    /// The masks, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(NUL)
    }

    /// How many there are, at least one.
    pub fn count(&self) -> u64 {
        to_u64(self.iter().count())
    }

    pub(super) fn read(body: Bytes, limits: &Limits) -> Result<Self, BusrtDecodeError> {
        let field = Field::Mask;
        let list = Self(Text::from_utf8(body).ok_or(BusrtDecodeError::Utf8 { field })?);
        let (masks, limit) = (list.count(), limits.max_masks);
        if masks > u64::from(limit) {
            return Err(BusrtDecodeError::TooManyMasks { masks, limit });
        }
        Ok(list)
    }

    pub(super) fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }
}

const NUL: char = '\0';
