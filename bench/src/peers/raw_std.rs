//! The floor below the floor: a blocking socket and a thread for each connection.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;
use bytes::Bytes;

use crate::peer::{Connection, FILL, Peer, Place, Ready, verify_chunk, verify_echo};
use crate::peers::raw_tokio::ECHO;

pub(crate) struct RawStd;

impl Peer for RawStd {
    const NAME: &'static str = "std";
    type Connection = Socket;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let listener = UnixListener::bind(place.socket())?;
        ready.listening(place.socket())?;
        for stream in listener.incoming() {
            let stream = stream?;
            // It ends with its client, whose leaving it sees as an error.
            thread::spawn(move || answer(stream));
        }
        Ok(())
    }

    async fn connect(address: String) -> Result<Socket> {
        Ok(Socket {
            address,
            echo: Arc::default(),
        })
    }
}

fn answer(mut stream: UnixStream) -> Result<()> {
    let chunks = read_u64(&mut stream)?;
    let mut buffer = vec![FILL; usize::try_from(read_u64(&mut stream)?)?];
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

/// Opens its socket with the first call, as the server must know the size of the bodies.
#[derive(Clone)]
pub(crate) struct Socket {
    address: String,
    echo: Arc<Mutex<Option<Echo>>>,
}

/// A stream for echoes of a size, and a buffer of that size.
type Echo = (UnixStream, Vec<u8>);

impl Socket {
    fn open(&self, chunks: u64, bytes: usize) -> Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.address)?;
        stream.write_all(&chunks.to_be_bytes())?;
        stream.write_all(&(bytes as u64).to_be_bytes())?;
        Ok(stream)
    }
}

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let mut echo = self.echo.lock().expect("no holder panics");
        let (stream, buffer) = match &mut *echo {
            Some(open) if open.1.len() == body.len() => open,
            closed => closed.insert((self.open(ECHO, body.len())?, vec![0; body.len()])),
        };
        stream.write_all(&body)?;
        stream.read_exact(buffer)?;
        verify_echo(&body, buffer)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let mut stream = self.open(chunks, chunk_bytes)?;
        let mut buffer = vec![0; chunk_bytes];
        let mut bytes = 0;
        for _ in 0..chunks {
            stream.read_exact(&mut buffer)?;
            bytes += verify_chunk(&buffer)?;
        }
        Ok(bytes)
    }
}
