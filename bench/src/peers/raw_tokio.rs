//! The floor: a tokio socket, a length, and nothing else.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::peer::{Connection, FILL, Peer, Place, Ready, verify_chunk, verify_echo};

pub(crate) struct RawTokio;

/// The number of chunks with which a client asks for echoes.
pub(crate) const ECHO: u64 = 0;

impl Peer for RawTokio {
    const NAME: &'static str = "tokio";
    type Connection = Socket;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let listener = UnixListener::bind(place.socket())?;
        ready.listening(place.socket())?;
        loop {
            let (stream, _) = listener.accept().await?;
            // It ends with its client, whose leaving it sees as an error.
            tokio::spawn(answer(stream));
        }
    }

    async fn connect(address: String) -> Result<Socket> {
        Ok(Socket {
            address,
            echo: Arc::default(),
        })
    }
}

async fn answer(mut stream: UnixStream) -> Result<()> {
    let chunks = stream.read_u64().await?;
    let mut buffer = vec![FILL; usize::try_from(stream.read_u64().await?)?];
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

/// Opens its socket with the first call, as the server must know the size of the bodies.
#[derive(Clone)]
pub(crate) struct Socket {
    address: String,
    echo: Arc<Mutex<Option<Echo>>>,
}

/// A stream for echoes of a size, and a buffer of that size.
type Echo = (UnixStream, Vec<u8>);

impl Socket {
    async fn open(&self, chunks: u64, bytes: usize) -> Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.address).await?;
        stream.write_u64(chunks).await?;
        stream.write_u64(bytes as u64).await?;
        Ok(stream)
    }
}

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let mut echo = self.echo.lock().await;
        let (stream, buffer) = match &mut *echo {
            Some(open) if open.1.len() == body.len() => open,
            closed => closed.insert((self.open(ECHO, body.len()).await?, vec![0; body.len()])),
        };
        stream.write_all(&body).await?;
        stream.read_exact(buffer).await?;
        verify_echo(&body, buffer)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let mut stream = self.open(chunks, chunk_bytes).await?;
        let mut buffer = vec![0; chunk_bytes];
        let mut bytes = 0;
        for _ in 0..chunks {
            stream.read_exact(&mut buffer).await?;
            bytes += verify_chunk(&buffer)?;
        }
        Ok(bytes)
    }
}
