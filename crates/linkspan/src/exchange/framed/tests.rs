//! What a connection keeps between frames.

use proto::frame::crc32::{Encoder, Variant};

use super::*;
use crate::transport::Peer;

/// A peer that has sent so much, and then waits.
#[derive(Debug)]
struct Sent(Bytes);

impl ByteReader for Sent {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(cx))?;
        let room = limit.min(buffer.capacity() - buffer.len());
        let piece = self.0.split_to(room.min(self.0.len()));
        buffer.extend_from_slice(&piece);
        Poll::Ready(Ok(piece.len()))
    }
}

#[derive(Debug)]
struct Unwritten;

impl ByteWriter for Unwritten {
    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn shutdown(&self) {}
}

#[tokio::test]
async fn a_long_message_leaves_no_buffer_behind() {
    const LIMIT: u32 = 1024 * 1024;
    let message = vec![7; 100_000];
    let header = Encoder::new(Variant::Ieee, LIMIT).header(&message).unwrap();
    let wire = [&header.to_bytes()[..], &message].concat();
    let link = ByteLink {
        reader: Box::new(Sent(wire.into())),
        writer: Box::new(Unwritten),
        peer: Peer::new("test"),
    };
    let mut framed = Framed::new(link, Decoder::new(Variant::Ieee, LIMIT));
    assert!(framed.begun().await.unwrap());
    let patience = Patience::new(Duration::from_secs(1));
    let read = framed.finish(patience).await.unwrap();
    assert_eq!(read, message);
    assert!(read.is_unique(), "the connection keeps the buffer, too");
}
