//! Output that goes to the system straight from its writer's memory.

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use proto::frame::Segments;

use crate::daemon::error::DelimitedEncodeError;
use crate::daemon::outlet::Outlet;
use crate::daemon::wire::{CHUNK_HEADER_BYTES, Encoder, Stream};

/// Data of a stream, as the first chunks of it.
pub(super) struct Chunks<'a> {
    parts: [&'a [u8]; CHUNKS],
    headers: [[u8; CHUNK_HEADER_BYTES]; CHUNKS],
}

impl<'a> Chunks<'a> {
    pub(super) fn new(
        encoder: Encoder,
        (stream, command): (Stream, u32),
        data: &'a [u8],
        chunk_bytes: usize,
    ) -> Result<Self, DelimitedEncodeError> {
        let mut chunks = Self {
            parts: [&[]; CHUNKS],
            headers: [[0; CHUNK_HEADER_BYTES]; CHUNKS],
        };
        let places = chunks.parts.iter_mut().zip(&mut chunks.headers);
        for ((part, header), data) in places.zip(data.chunks(chunk_bytes.max(1))) {
            *part = data;
            *header = encoder.chunk_header(stream.kind(), command, data.len())?;
        }
        Ok(chunks)
    }

    fn frames(&self) -> impl Iterator<Item = (&[u8; CHUNK_HEADER_BYTES], &'a [u8])> {
        let frames = self.headers.iter().zip(self.parts);
        frames.take_while(|(_, part)| !part.is_empty())
    }

    fn slices(&self) -> ([IoSlice<'_>; 2 * CHUNKS], usize) {
        let mut slices = [IoSlice::new(&[]); 2 * CHUNKS];
        let mut count = 0;
        for (pair, (header, part)) in slices.chunks_exact_mut(2).zip(self.frames()) {
            pair.copy_from_slice(&[IoSlice::new(header), IoSlice::new(part)]);
            count += 2;
        }
        (slices, count)
    }

    /// Puts what the system did not take of the last chunk that it began into `pen`. Gives the data
    /// of all that it began.
    fn put_rest(&self, mut taken: usize, pen: &mut Segments) -> usize {
        let mut data = 0;
        for (header, part) in self.frames() {
            if taken == 0 {
                break;
            }
            data += part.len();
            pen.push_body(&copy_from(taken, header));
            taken = taken.saturating_sub(header.len());
            pen.push_body(&copy_from(taken, part));
            taken = taken.saturating_sub(part.len());
        }
        data
    }
}

impl Outlet {
    /// Writes chunks with the pen, and puts it back. What the system began nothing of stays with the
    /// caller. Gives how much data it began; an error is noted already.
    pub(super) fn write_directly(&self, mut pen: Segments, chunks: &Chunks<'_>) -> Option<usize> {
        let (slices, count) = chunks.slices();
        let written = self
            .writer
            .try_write(slices.get(..count).unwrap_or_default());
        let put = written.map(|taken| (taken, chunks.put_rest(taken, &mut pen)));
        let mut state = self.lock();
        let rest = pen.remaining();
        state.pen = Some(pen);
        let begun = match put {
            Ok((taken, data)) => {
                state.given += (taken + rest) as u64;
                state.taken += taken as u64;
                Some(data)
            }
            Err(error) => {
                state.stopped(error);
                None
            }
        };
        drop(state);
        match begun {
            // Only a write that is refused can be waited for. And others may have queued something.
            Some(_) => self.flush(),
            None => self.trouble.notify_one(),
        }
        begun
    }
}

/// What stands in `bytes` from a place on, if it is that long.
fn copy_from(place: usize, bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes.get(place..).unwrap_or_default())
}

/// Chunks that one write brings to the system: about what the buffer of a socket takes.
const CHUNKS: usize = 4;
