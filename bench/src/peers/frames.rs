//! A message behind its length, as raw sockets have to send it to do what an exchange does.

use anyhow::{Result, ensure};
use bytes::{Buf, Bytes};

use crate::peer::verify_echo;

/// A frame as it arrives, in a buffer that all frames of a connection share.
#[derive(Debug)]
pub(super) struct Frame {
    buffer: Vec<u8>,
    filled: usize,
}

impl Frame {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; FIRST_BYTES],
            filled: 0,
        }
    }

    /// Where further bytes go; none when the frame is whole.
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        let whole = self.whole_bytes();
        if whole.is_some_and(|whole| self.filled >= whole) {
            return None;
        }
        let needed = whole.unwrap_or(FIRST_BYTES);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        self.buffer.get_mut(self.filled..)
    }

    /// So many bytes have come.
    pub(super) fn add(&mut self, count: usize) -> Result<()> {
        ensure!(count > 0, "the peer has closed");
        self.filled += count;
        Ok(())
    }

    /// All of it, with its length; what comes now belongs to the next one.
    pub(super) fn take(&mut self) -> &[u8] {
        let filled = std::mem::take(&mut self.filled);
        self.buffer.get(..filled).unwrap_or_default()
    }

    fn whole_bytes(&self) -> Option<usize> {
        let header = self.buffer.get(..self.filled)?.first_chunk()?;
        Some(LENGTH_BYTES + usize::try_from(u32::from_be_bytes(*header)).ok()?)
    }
}

/// A body behind its length, which may leave in one piece.
pub(super) fn framed(body: Bytes) -> Result<impl Buf> {
    let length = u32::try_from(body.len())?.to_be_bytes();
    Ok(Bytes::copy_from_slice(&length).chain(body))
}

/// Checks a frame that shall hold the body that was sent.
pub(super) fn verify(sent: &[u8], frame: &[u8]) -> Result<()> {
    verify_echo(sent, frame.get(LENGTH_BYTES..).unwrap_or_default())
}

const LENGTH_BYTES: usize = 4;
const FIRST_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::body;

    #[test]
    fn a_frame_is_whole_with_its_last_byte_and_not_before() {
        let sent = body(10_000);
        let mut frame = Frame::new();
        for _ in 0..2 {
            let mut bytes = framed(sent.clone()).unwrap();
            while let Some(room) = frame.room() {
                let count = room.len().min(bytes.remaining()).min(3000);
                bytes.copy_to_slice(&mut room[..count]);
                frame.add(count).unwrap();
            }
            assert_eq!(bytes.remaining(), 0);
            verify(&sent, frame.take()).unwrap();
        }
    }

    #[test]
    fn the_end_of_a_stream_is_no_frame() {
        Frame::new().add(0).unwrap_err();
    }
}
