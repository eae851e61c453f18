//! What the decoders of both sides have in common.

use bytes::{Bytes, BytesMut};

use crate::error::BusrtDecodeError;

/// Cuts parts out of a stream of bytes, and keeps the first error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cutter {
    /// Bytes of the part at the front of the input, once they are known.
    part_bytes: Option<usize>,
    failed: Option<BusrtDecodeError>,
}

impl Cutter {
    /// Takes the part at the front of `input`, if it is complete.
    ///
    /// `measure` says how many bytes it has, as soon as the first ones tell.
    pub(super) fn cut(
        &mut self,
        input: &mut BytesMut,
        measure: impl FnOnce(&[u8]) -> Result<Option<usize>, BusrtDecodeError>,
    ) -> Result<Option<Bytes>, BusrtDecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.part_bytes.is_none() {
            self.part_bytes = measure(input).map_err(|error| self.fail(error))?;
        }
        match self.part_bytes {
            Some(bytes) if bytes <= input.len() => {
                self.part_bytes = None;
                Ok(Some(input.split_to(bytes).freeze()))
            }
            _ => Ok(None),
        }
    }

    /// Ends the stream with an error, which is given back.
    pub(super) fn fail(&mut self, error: BusrtDecodeError) -> BusrtDecodeError {
        self.failed = Some(error);
        error
    }

    /// Bytes that are lacking; `least_bytes` are needed to know how many a part has.
    pub(super) fn missing_bytes(&self, input: &BytesMut, least_bytes: usize) -> usize {
        match self.part_bytes {
            Some(bytes) => bytes.saturating_sub(input.len()),
            None if self.has_begun(input) => least_bytes.saturating_sub(input.len()),
            None => 0,
        }
    }

    pub(super) fn has_begun(&self, input: &BytesMut) -> bool {
        self.failed.is_none() && !input.is_empty()
    }
}
