//! Zstandard.

use std::sync::{Mutex, PoisonError};

use ::zstd::bulk::{Compressor, Decompressor};
use ::zstd::zstd_safe::compress_bound;
use proto::frame::Compression;

use crate::compression::algorithm::Algorithm;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    compression: Compression::Zstd,
    room: compress_bound,
    deflate,
    inflate,
};

fn deflate(body: &[u8], level: u8, block: &mut [u8]) -> Option<usize> {
    COMPRESSORS.with(
        || Compressor::new(level.into()).ok(),
        |compressor| {
            compressor.set_compression_level(level.into()).ok()?;
            compressor.compress_to_buffer(body, block).ok()
        },
    )
}

fn inflate(block: &[u8], body: &mut [u8]) -> Option<usize> {
    DECOMPRESSORS.with(
        || Decompressor::new().ok(),
        |decompressor| decompressor.decompress_to_buffer(block, body).ok(),
    )
}

/// Working memory that nobody uses now. It is hundreds of kilobytes, so neither each body nor each
/// connection nor each thread gets its own.
struct Idle<T>(Mutex<Vec<T>>);

impl<T> Idle<T> {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Works with one that is idle, or a new one.
    fn with<R>(
        &self,
        make: impl FnOnce() -> Option<T>,
        work: impl FnOnce(&mut T) -> Option<R>,
    ) -> Option<R> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut taken = idle.or_else(make)?;
        let result = work(&mut taken);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(taken);
        }
        result
    }
}

static COMPRESSORS: Idle<Compressor<'static>> = Idle::new();
static DECOMPRESSORS: Idle<Decompressor<'static>> = Idle::new();
/// As many as usually work at once.
const KEPT: usize = 4;
