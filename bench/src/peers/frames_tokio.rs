//! The floor of exchanges: a tokio socket that carries frames, without a checksum.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::peer::{Connection, Peer, Place, Ready};
use crate::peers::frames::{Frame, framed, verify};

pub(crate) struct FramesTokio;

impl Peer for FramesTokio {
    const NAME: &'static str = "tokio-frames";
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
        let stream = UnixStream::connect(address).await?;
        Ok(Socket(Arc::new(Mutex::new((stream, Frame::new())))))
    }
}

async fn answer(mut stream: UnixStream) -> Result<()> {
    let mut frame = Frame::new();
    loop {
        read(&mut stream, &mut frame).await?;
        stream.write_all(frame.take()).await?;
    }
}

/// Reads a frame to its end.
async fn read(stream: &mut UnixStream, frame: &mut Frame) -> Result<()> {
    while let Some(room) = frame.room() {
        let count = stream.read(room).await?;
        frame.add(count)?;
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Socket(Arc<Mutex<(UnixStream, Frame)>>);

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let (stream, frame) = &mut *self.0.lock().await;
        stream.write_all_buf(&mut framed(body.clone())?).await?;
        read(stream, frame).await?;
        verify(&body, frame.take())
    }
}
