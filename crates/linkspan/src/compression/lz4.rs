//! The block format of LZ4.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};
use proto::frame::Compression;

use crate::compression::algorithm::Algorithm;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    compression: Compression::Lz4,
    room: get_maximum_output_size,
    deflate: |body, _, block| compress_into(body, block).ok(),
    inflate: |block, body| decompress_into(block, body).ok(),
};
