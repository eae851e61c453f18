//! What every peer of the comparison does.

use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
pub(crate) use linkspan_bench_plugin::FILL;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// A way for two processes to talk.
pub(crate) trait Peer: 'static {
    /// Its name, in tables and on the command line.
    const NAME: &'static str;
    /// Whether server and client share a process.
    const IN_PROCESS: bool = false;

    type Connection: Connection;

    /// Listens at `place`, says so, and answers for ever.
    fn serve(place: Place, ready: Ready) -> impl Future<Output = Result<()>> + Send;

    /// Connects to the server that listens at `address`.
    fn connect(address: String) -> impl Future<Output = Result<Self::Connection>> + Send;
}

/// One connection of a client; clones share it.
pub(crate) trait Connection: Clone + Send + Sync + 'static {
    /// Sends a body, waits for the answer, and verifies that it is the same.
    fn echo(&self, body: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// Receives `chunks` chunks of `chunk_bytes`, verifies them, and gives the number of bytes.
    ///
    /// Not all peers have streams.
    fn stream(
        &self,
        _chunks: u64,
        _chunk_bytes: usize,
    ) -> impl Future<Output = Result<u64>> + Send {
        async { bail!("this peer has no streams") }
    }
}

/// The directory in which a peer may make its socket and other files.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// The path for a Unix socket.
    pub(crate) fn socket(&self) -> String {
        self.0.join("socket").display().to_string()
    }
}

/// How a server says that it listens.
#[derive(Debug)]
pub(crate) struct Ready(oneshot::Sender<Listening>);

/// Where a server listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Listening {
    pub(crate) address: String,
    pub(crate) process: u32,
}

impl Ready {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Listening>) {
        let (send, receive) = oneshot::channel();
        (Self(send), receive)
    }

    /// Clients can connect to `address` from now on.
    pub(crate) fn listening(self, address: impl Into<String>) -> Result<()> {
        self.listening_in(process::id(), address)
    }

    /// The same for a server in another process.
    pub(crate) fn listening_in(self, process: u32, address: impl Into<String>) -> Result<()> {
        let address = address.into();
        let told = self.0.send(Listening { address, process });
        ensure!(told.is_ok(), "nobody waits for the server any more");
        Ok(())
    }
}

/// A body for echoes, in which no two neighbours are the same.
pub(crate) fn body(bytes: usize) -> Bytes {
    (0..=250).cycle().take(bytes).collect()
}

/// A body that can be compressed as logs can: lines whose words come again, and whose numbers do not.
pub(crate) fn text(bytes: usize) -> Bytes {
    let lines = (0_u64..).map(|line| {
        // The high half of a product with an odd constant is as good as random here.
        let number = line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let user = ["ada", "grace", "linus", "barbara"][number as usize % 4];
        let path = ["/", "/login", "/items", "/items/search"][number as usize / 7 % 4];
        format!("{{\"time\":{number},\"user\":\"{user}\",\"path\":\"{path}\",\"status\":200}}\n")
    });
    lines.flat_map(String::into_bytes).take(bytes).collect()
}

/// Checks an answer: all of it up to 4 KiB, else its length and both ends, so that the check costs
/// nothing beside the call.
pub(crate) fn verify_echo(sent: &[u8], got: &[u8]) -> Result<()> {
    ensure!(
        sent.len() == got.len(),
        "sent {} bytes and got {} bytes back",
        sent.len(),
        got.len()
    );
    let is_same = if sent.len() <= WHOLE {
        sent == got
    } else {
        sent.first_chunk::<64>() == got.first_chunk() && sent.last_chunk::<64>() == got.last_chunk()
    };
    ensure!(is_same, "got other bytes back than were sent");
    Ok(())
}

/// Checks both ends of a piece of a stream; gives its length.
pub(crate) fn verify_chunk(chunk: &[u8]) -> Result<u64> {
    let is_right = [chunk.first(), chunk.last()] == [Some(&FILL); 2];
    ensure!(
        is_right,
        "a chunk of {} bytes is not as it was sent",
        chunk.len()
    );
    Ok(chunk.len() as u64)
}

const WHOLE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_length_is_refused() {
        let error = verify_echo(&body(64), &body(63)).unwrap_err();
        assert_eq!(error.to_string(), "sent 64 bytes and got 63 bytes back");
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let sent = body(64);
        let mut got = sent.to_vec();
        verify_echo(&sent, &got).unwrap();
        got[40] ^= 1;
        verify_echo(&sent, &got).unwrap_err();
    }

    #[test]
    fn the_ends_of_a_long_answer_are_looked_at() {
        let sent = body(1 << 20);
        let mut got = sent.to_vec();
        verify_echo(&sent, &got).unwrap();
        *got.last_mut().unwrap() ^= 1;
        verify_echo(&sent, &got).unwrap_err();
    }

    #[test]
    fn a_wrong_chunk_is_noticed() {
        assert_eq!(verify_chunk(&[FILL; 10]).unwrap(), 10);
        verify_chunk(&[FILL, 0]).unwrap_err();
        verify_chunk(&[]).unwrap_err();
    }
}
