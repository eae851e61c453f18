//! Input of a command from this process's own stdin, read only when it is asked for.

use std::io::{self, Read};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc;

/// Reads stdin on a thread of its own, one piece for each wish.
///
/// The thread begins with the first wish: what nobody asks for is not taken from the terminal, nor
/// from the next program. It ends with the process, as nothing can call a read back.
#[derive(Debug, Default)]
pub(super) struct StdinReader {
    thread: Option<Channels>,
    is_reading: bool,
}

#[derive(Debug)]
struct Channels {
    wishes: mpsc::Sender<usize>,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl StdinReader {
    /// Wants up to so many bytes, unless an earlier wish is not fulfilled yet.
    pub(super) fn want(&mut self, bytes: u64) -> io::Result<()> {
        if self.is_reading || bytes == 0 {
            return Ok(());
        }
        let channels = match &mut self.thread {
            Some(channels) => channels,
            none => none.insert(start()?),
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.is_reading = channels.wishes.try_send(bytes.min(PIECE_BYTES)).is_ok();
        Ok(())
    }

    /// The next piece, an empty one at the end. Waits for ever while nothing is wanted.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Bytes> {
        match &mut self.thread {
            Some(channels) if self.is_reading => {
                let piece = channels.pieces.recv().await;
                self.is_reading = false;
                piece.unwrap_or_else(|| Ok(Bytes::new()))
            }
            _ => std::future::pending().await,
        }
    }
}

fn start() -> io::Result<Channels> {
    let (wishes, mut wanted) = mpsc::channel::<usize>(1);
    let (sender, pieces) = mpsc::channel(1);
    let read = move || {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Some(bytes) = wanted.blocking_recv() {
            let place = buffer.get_mut(..bytes).unwrap_or_default();
            let piece = read(place)
                .map(|count| Bytes::copy_from_slice(place.get(..count).unwrap_or_default()));
            if sender.blocking_send(piece).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("linkspan-stdin".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(read)?;
    Ok(Channels { wishes, pieces })
}

fn read(place: &mut [u8]) -> io::Result<usize> {
    loop {
        let result = io::stdin().lock().read(place);
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(std::time::Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

const PIECE_BYTES: usize = 128 * 1024;
const STACK_BYTES: usize = 128 * 1024;
