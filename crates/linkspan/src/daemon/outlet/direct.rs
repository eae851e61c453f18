//! Output that goes to the system straight from its writer's memory.

use std::io::{self, IoSlice};

use bytes::{Buf, Bytes};
use proto::frame::Segments;

use crate::daemon::error::DelimitedEncodeError;
use crate::daemon::outlet::Outlet;
use crate::daemon::wire::{CHUNK_HEADER_BYTES, Encoder, Stream};

/// Data of a stream, as the first chunks of it.
pub(super) struct Chunks<'a> {
    stream: Stream,
    command: u32,
    parts: [&'a [u8]; CHUNKS],
    headers: [[u8; CHUNK_HEADER_BYTES]; CHUNKS],
    encoder: Encoder,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(
        encoder: Encoder,
        (stream, command): (Stream, u32),
        data: &'a [u8],
        chunk_bytes: usize,
    ) -> Result<Self, DelimitedEncodeError> {
        let mut chunks = Self {
            stream,
            command,
            parts: [&[]; CHUNKS],
            headers: [[0; CHUNK_HEADER_BYTES]; CHUNKS],
            encoder,
        };
        let places = chunks.parts.iter_mut().zip(&mut chunks.headers);
        for ((part, header), data) in places.zip(data.chunks(chunk_bytes.max(1))) {
            *part = data;
            *header = encoder.chunk_header(stream.kind(), command, data.len())?;
        }
        Ok(chunks)
    }

    fn slices(&self) -> ([IoSlice<'_>; 2 * CHUNKS], usize) {
        let mut slices = [IoSlice::new(&[]); 2 * CHUNKS];
        let mut count = 0;
        let frames = self.headers.iter().zip(self.parts);
        let used = frames.filter(|(_, part)| !part.is_empty());
        for (pair, (header, part)) in slices.chunks_exact_mut(2).zip(used) {
            pair.copy_from_slice(&[IoSlice::new(header), IoSlice::new(part)]);
            count += 2;
        }
        (slices, count)
    }

    /// Puts what the system did not take of the last chunk that it began into `pen`. Gives the data
    /// of all that it began.
    fn put_rest(
        &self,
        mut taken: usize,
        pen: &mut Segments,
    ) -> Result<usize, DelimitedEncodeError> {
        let mut data = 0;
        for part in self.parts.iter().take_while(|part| !part.is_empty()) {
            if taken == 0 {
                break;
            }
            data += part.len();
            let frame_bytes = CHUNK_HEADER_BYTES + part.len();
            if taken < frame_bytes {
                let copy = Bytes::copy_from_slice(part);
                let kind = self.stream.kind();
                self.encoder.encode_chunk(kind, self.command, &copy, pen)?;
                pen.advance(taken);
                break;
            }
            taken -= frame_bytes;
        }
        Ok(data)
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
        let put = written.and_then(|taken| {
            let data = chunks.put_rest(taken, &mut pen);
            data.map(|data| (taken, data)).map_err(io::Error::other)
        });
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

/// Chunks that one write brings to the system: about what the buffer of a socket takes.
const CHUNKS: usize = 4;
