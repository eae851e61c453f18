//! The head of an HTTP message, off a link.

use std::future::poll_fn;
use std::io;

use bytes::{Buf, BytesMut};
use tungstenite::handshake::machine::TryParse;

use crate::transport::ByteReader;

/// Why there is no head.
pub(super) enum NoHead {
    Ended,
    TooLong { limit: usize },
    Wrong(tungstenite::Error),
    Io(io::Error),
}

/// Reads the head of a message, and gives what came after it, too.
pub(super) async fn read_head<M: TryParse>(
    reader: &mut dyn ByteReader,
) -> Result<(M, BytesMut), NoHead> {
    let mut bytes = BytesMut::with_capacity(FIRST_BYTES);
    loop {
        bytes.reserve(FIRST_BYTES);
        let room = MAX_HEAD_BYTES - bytes.len();
        let count = poll_fn(|cx| reader.poll_read(cx, &mut bytes, room)).await;
        if count.map_err(NoHead::Io)? == 0 {
            return Err(NoHead::Ended);
        }
        match M::try_parse(&bytes) {
            Ok(Some((size, message))) => {
                bytes.advance(size);
                return Ok((message, bytes));
            }
            Ok(None) if bytes.len() >= MAX_HEAD_BYTES => {
                return Err(NoHead::TooLong {
                    limit: MAX_HEAD_BYTES,
                });
            }
            Ok(None) => {}
            Err(error) => return Err(NoHead::Wrong(error)),
        }
    }
}

const FIRST_BYTES: usize = 1024;
/// Browsers send less than half of this, cookies aside.
const MAX_HEAD_BYTES: usize = 16 * 1024;
