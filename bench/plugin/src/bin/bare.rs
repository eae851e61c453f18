//! The floor below plugins: a small program with a tokio runtime, which gives back what comes on the
//! socket that is its standard input.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let socket = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let mut socket = UnixStream::from_std(socket)?;
    let mut buffer = vec![0; 4096];
    loop {
        let read = socket.read(&mut buffer).await?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(());
        };
        socket.write_all(read).await?;
    }
}
