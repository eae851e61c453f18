//! The floor below it: a blocking socket that carries frames, and a thread for each connection.

use std::io::{IoSlice, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;
use bytes::{Buf, Bytes};

use crate::peer::{Connection, Peer, Place, Ready};
use crate::peers::frames::{Frame, framed, verify};

pub(crate) struct FramesStd;

impl Peer for FramesStd {
    const NAME: &'static str = "std-frames";
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
        let stream = UnixStream::connect(address)?;
        Ok(Socket(Arc::new(Mutex::new((stream, Frame::new())))))
    }
}

fn answer(mut stream: UnixStream) -> Result<()> {
    let mut frame = Frame::new();
    loop {
        read(&mut stream, &mut frame)?;
        stream.write_all(frame.take())?;
    }
}

/// Reads a frame to its end.
fn read(stream: &mut UnixStream, frame: &mut Frame) -> Result<()> {
    while let Some(room) = frame.room() {
        let count = stream.read(room)?;
        frame.add(count)?;
    }
    Ok(())
}

/// Writes all, in as few pieces as the system takes.
fn write(stream: &mut UnixStream, mut bytes: impl Buf) -> Result<()> {
    while bytes.has_remaining() {
        let mut pieces = [IoSlice::new(&[]); 2];
        let count = bytes.chunks_vectored(&mut pieces);
        let taken = stream.write_vectored(pieces.get(..count).unwrap_or_default())?;
        bytes.advance(taken);
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Socket(Arc<Mutex<(UnixStream, Frame)>>);

impl Connection for Socket {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let (stream, frame) = &mut *self.0.lock().expect("no holder panics");
        write(stream, framed(body.clone())?)?;
        read(stream, frame)?;
        verify(&body, frame.take())
    }
}
