//! A pipe that the two halves of a connection use, and its closing.
//!
//! A pipe has no half to close: its end is seen by the peer when the handle closes. So that the last
//! bytes are not lost, the handle is kept, for a limited time, until the system has taken them; what
//! the system has taken, the peer can read even after the handle is closed.

use std::fmt;
use std::future::poll_fn;
use std::io::IoSlice;
use std::os::windows::io::AsHandle;
use std::sync::{PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

/// One end of a connection.
pub(super) trait Pipe: AsHandle + fmt::Debug + Send + Sync + 'static {
    /// Waits until the system has taken what was written, or will not.
    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The pipe of both halves, until it is closed.
#[derive(Debug)]
pub(super) struct Shared<P: Pipe> {
    pipe: RwLock<Option<P>>,
}

impl<P: Pipe> Shared<P> {
    pub(super) fn new(pipe: P) -> Self {
        Self {
            pipe: RwLock::new(Some(pipe)),
        }
    }

    /// Does something with the pipe, if it is open.
    pub(super) fn with<T>(&self, work: impl FnOnce(&P) -> T) -> Option<T> {
        let pipe = self.pipe.read().unwrap_or_else(PoisonError::into_inner);
        pipe.as_ref().map(work)
    }

    /// Closes the pipe for both halves, as soon as the system has taken what was written.
    pub(super) fn close(&self) {
        let pipe = self
            .pipe
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(pipe) = pipe else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        if pipe.poll_taken(&mut cx).is_pending()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(linger(pipe)));
        }
    }
}

impl<P: Pipe> Drop for Shared<P> {
    fn drop(&mut self) {
        self.close();
    }
}

async fn linger(pipe: impl Pipe) {
    let taken = poll_fn(|cx| pipe.poll_taken(cx));
    if tokio::time::timeout(LINGER, taken).await.is_err() {
        // Whoever does not read by then loses the rest. A write under way would keep the handle open
        // however long the peer takes.
        os::cancel_pipe_operations(&pipe).ok();
    }
}

/// The beginning of several slices, in one piece.
pub(super) fn gather(slices: &[IoSlice<'_>]) -> Vec<u8> {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut bytes = Vec::with_capacity(total.min(WRITE_BYTES));
    for slice in slices {
        let room = WRITE_BYTES - bytes.len();
        bytes.extend_from_slice(slice.get(..room.min(slice.len())).unwrap_or_default());
    }
    bytes
}

/// The most that is written at once: what the system's buffer holds.
pub(super) const WRITE_BYTES: usize = 64 * 1024;
/// How long the last bytes of a connection are waited for.
const LINGER: Duration = Duration::from_secs(1);
