//! The floor below it: the same commands over a bare socket, blocking, without a word of protocol.
//!
//! ```text
//! floor PATH serve           is the daemon, until its standard input ends
//! floor PATH hello           greets
//! floor PATH stream BYTES    writes so many bytes
//! ```

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::{env, thread};

use linkspan_bench_command::{GREETING, PIECE_BYTES, pieces};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [path, "serve"] => serve(path),
        [path, "hello"] => copy(path, 0),
        [path, "stream", bytes] => copy(path, bytes.parse()?),
        _ => Err("PATH and serve, hello or stream BYTES are wanted".into()),
    }
}

fn serve(path: &str) -> Result<(), Failure> {
    let listener = UnixListener::bind(path)?;
    // Nobody joins it: it answers for ever, and ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // It ends with its client, whose leaving it sees as an error.
            thread::spawn(move || answer(stream));
        }
    });
    println!("{}", std::process::id());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Writes a stream as long as the client says, or a greeting if that is nothing.
fn answer(mut stream: UnixStream) -> io::Result<()> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    match u64::from_be_bytes(bytes) {
        0 => stream.write_all(GREETING.as_bytes()),
        bytes => pieces(bytes).try_for_each(|piece| stream.write_all(piece)),
    }
}

fn copy(path: &str, bytes: u64) -> Result<(), Failure> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(&bytes.to_be_bytes())?;
    let (mut buffer, mut stdout) = (vec![0; PIECE_BYTES], io::stdout().lock());
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(stdout.flush()?),
            length => stdout.write_all(buffer.get(..length).unwrap_or_default())?,
        }
    }
}
