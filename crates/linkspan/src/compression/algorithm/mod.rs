//! The algorithms that are built in, and a body's way through one of them.

use bytes::Bytes;
use proto::error::InflateError;
use proto::frame::Compression;

#[cfg(feature = "lz4")]
use crate::compression::lz4;
#[cfg(feature = "zstd")]
use crate::compression::zstd;

/// Both directions of an algorithm. Neither keeps anything from one body to the next.
pub(super) struct Algorithm {
    pub(super) compression: Compression,
    /// Room that a body of so many bytes needs.
    pub(super) room: fn(usize) -> usize,
    /// Compresses a body, at a level of Zstandard's; gives its length if there was room.
    pub(super) deflate: fn(&[u8], u8, &mut [u8]) -> Option<usize>,
    /// Inflates a body; gives its length if it is well-formed and there was room.
    pub(super) inflate: fn(&[u8], &mut [u8]) -> Option<usize>,
}

/// Those that are built in, the preferred one first.
pub(super) static BUILT_IN: &[Algorithm] = &[
    #[cfg(feature = "zstd")]
    zstd::ALGORITHM,
    #[cfg(feature = "lz4")]
    lz4::ALGORITHM,
];

/// Compresses a body, if that makes it shorter by a sixteenth of its length at least; none if it does
/// not, or the algorithm is not built in.
///
/// `level` is Zstandard's, 1 to 22; LZ4 has none.
pub fn deflate(compression: Compression, level: u8, body: &[u8]) -> Option<Bytes> {
    let algorithm = find(compression)?;
    let announced = u32::try_from(body.len()).ok()?;
    let mut deflated = vec![0; ANNOUNCED_BYTES + (algorithm.room)(body.len())];
    let (length, block) = deflated.split_first_chunk_mut::<ANNOUNCED_BYTES>()?;
    *length = announced.to_le_bytes();
    let block_bytes = (algorithm.deflate)(body, level, block)?;
    deflated.truncate(ANNOUNCED_BYTES + block_bytes);
    is_worth_it(body.len(), deflated.len()).then(|| deflated.into())
}

/// Inflates a body that announces at most `limit` bytes; no more is allocated, whatever it is.
///
/// # Errors
///
/// - [`InflateError::TooLarge`]: it announces more.
/// - [`InflateError::Truncated`]: it is too short to announce anything.
/// - [`InflateError::Malformed`]: it is none, or of another length than it announces.
/// - [`InflateError::Unsupported`]: the algorithm is not built in.
pub fn inflate(compression: Compression, body: &[u8], limit: u32) -> Result<Bytes, InflateError> {
    let Some((announced, block)) = body.split_first_chunk::<ANNOUNCED_BYTES>() else {
        let bytes = body.len();
        return Err(InflateError::Truncated { compression, bytes });
    };
    let announced = u32::from_le_bytes(*announced);
    if announced > limit {
        return Err(InflateError::TooLarge {
            compression,
            bytes: announced,
            limit,
        });
    }
    let algorithm = find(compression).ok_or(InflateError::Unsupported { compression })?;
    let mut inflated = vec![0; usize::try_from(announced).unwrap_or_default()];
    match (algorithm.inflate)(block, &mut inflated) {
        Some(bytes) if bytes == inflated.len() => Ok(inflated.into()),
        _ => Err(InflateError::Malformed {
            compression,
            announced,
        }),
    }
}

/// How many bytes a compressed body announces.
pub(crate) fn announced_bytes(body: &[u8]) -> u32 {
    let announced = body.first_chunk::<ANNOUNCED_BYTES>();
    announced.map_or(0, |announced| u32::from_le_bytes(*announced))
}

fn find(compression: Compression) -> Option<&'static Algorithm> {
    BUILT_IN.iter().find(|it| it.compression == compression)
}

/// Whether a body is shorter by so much that its receiver should inflate it.
fn is_worth_it(body_bytes: usize, deflated_bytes: usize) -> bool {
    deflated_bytes < body_bytes && deflated_bytes <= body_bytes - body_bytes / WORTH_PART
}

const ANNOUNCED_BYTES: usize = size_of::<u32>();
const WORTH_PART: usize = 16;

#[cfg(test)]
mod tests;
