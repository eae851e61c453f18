//! The floor below the floor: a blocking socket and a thread for each connection.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;
use bytes::Bytes;

use crate::peer::{Connection, Peer, Place};
use crate::peers::raw_tokio::ECHO;

pub(crate) struct RawStd;

impl Peer for RawStd {
    const NAME: &'static str = "std socket";
    type Connection = Socket;

    async fn serve(place: Place) -> Result<()> {
        let listener = UnixListener::bind(place.socket())?;
        for stream in listener.incoming() {
            let stream = stream?;
            thread::spawn(move || answer(stream));
        }
        Ok(())
    }

    async fn connect(place: Place) -> Result<Socket> {
        Ok(Socket { place, echo: Arc::default() })
    }
}

fn answer(mut stream: UnixStream) -> Result<()> {
    let chunks = read_u64(&mut stream)?;
    let mut buffer = vec![7; read_u64(&mut stream)? as usize];
    if chunks == ECHO {
        loop {
            stream.read_exact(&mut buffer)?;
            stream.write_all(&buffer)?;
        }
    }
    for _ in 0..chunks {
        stream.write_all(&buffer)?;
    }
    Ok(())
}

fn read_u64(stream: &mut UnixStream) -> Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

#[derive(Clone)]
pub(crate) struct Socket {
    place: Place,
    echo: Arc<Mutex<Option<(UnixStream, Vec<u8>)>>>,
}

impl Socket {
    fn open(&self, chunks: u64, size: usize) -> Result<UnixStream> {
        let mut stream = UnixStream::connect(self.place.socket())?;
        stream.write_all(&chunks.to_be_bytes())?;
        stream.write_all(&(size as u64).to_be_bytes())?;
        Ok(stream)
    }
}

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<usize> {
        let mut echo = self.echo.lock().expect("no panics");
        if echo.as_ref().is_none_or(|(_, buffer)| buffer.len() != body.len()) {
            *echo = Some((self.open(ECHO, body.len())?, vec![0; body.len()]));
        }
        let (stream, buffer) = echo.as_mut().expect("opened above");
        stream.write_all(&body)?;
        stream.read_exact(buffer)?;
        Ok(buffer.len())
    }

    async fn stream(&self, chunks: u64, size: usize) -> Result<u64> {
        let mut stream = self.open(chunks, size)?;
        let mut buffer = vec![0; size];
        for _ in 0..chunks {
            stream.read_exact(&mut buffer)?;
        }
        Ok(chunks * size as u64)
    }
}
