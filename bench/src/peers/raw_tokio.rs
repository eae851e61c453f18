//! The floor: a tokio socket, a length, and nothing else.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::peer::{Connection, Peer, Place};

pub(crate) struct RawTokio;

/// What a client asks for: echoes of a size, or chunks of a size.
pub(crate) const ECHO: u64 = 0;

impl Peer for RawTokio {
    const NAME: &'static str = "tokio socket";
    type Connection = Socket;

    async fn serve(place: Place) -> Result<()> {
        let listener = UnixListener::bind(place.socket())?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream));
        }
    }

    async fn connect(place: Place) -> Result<Socket> {
        Ok(Socket { place, echo: Arc::default() })
    }
}

async fn answer(mut stream: UnixStream) -> Result<()> {
    let chunks = stream.read_u64().await?;
    let mut buffer = vec![7; stream.read_u64().await? as usize];
    if chunks == ECHO {
        loop {
            stream.read_exact(&mut buffer).await?;
            stream.write_all(&buffer).await?;
        }
    }
    for _ in 0..chunks {
        stream.write_all(&buffer).await?;
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Socket {
    place: Place,
    echo: Arc<Mutex<Option<(UnixStream, Vec<u8>)>>>,
}

impl Socket {
    async fn open(&self, chunks: u64, size: usize) -> Result<UnixStream> {
        let mut stream = UnixStream::connect(self.place.socket()).await?;
        stream.write_u64(chunks).await?;
        stream.write_u64(size as u64).await?;
        Ok(stream)
    }
}

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<usize> {
        let mut echo = self.echo.lock().await;
        if echo.as_ref().is_none_or(|(_, buffer)| buffer.len() != body.len()) {
            *echo = Some((self.open(ECHO, body.len()).await?, vec![0; body.len()]));
        }
        let (stream, buffer) = echo.as_mut().expect("opened above");
        stream.write_all(&body).await?;
        stream.read_exact(buffer).await?;
        Ok(buffer.len())
    }

    async fn stream(&self, chunks: u64, size: usize) -> Result<u64> {
        let mut stream = self.open(chunks, size).await?;
        let mut buffer = vec![0; size];
        let mut bytes = 0;
        for _ in 0..chunks {
            bytes += stream.read_exact(&mut buffer).await? as u64;
        }
        Ok(bytes)
    }
}
