//! What every peer of the comparison does that starts processes and calls them.

use anyhow::Result;
use bytes::Bytes;

use crate::peer::Place;

/// A way to start processes that answer.
///
/// When it is dropped, all of them have ended or are about to.
pub(crate) trait Starter: Send + Sync + Sized + 'static {
    type Loaded: Send;
    type Process: Process;

    /// Gets ready to start so many programs, each with files of its own. All are made in `place`.
    fn prepare(place: &Place, programs: usize) -> impl Future<Output = Result<Self>> + Send;

    /// Does what comes before the program of a number is started for the first time.
    fn load(&self, number: usize) -> impl Future<Output = Result<Self::Loaded>> + Send;

    /// Starts a process.
    fn start(&self, loaded: Self::Loaded) -> impl Future<Output = Result<Self::Process>> + Send;

    /// Why this system cannot do it at all, if that is so.
    fn obstacle(_error: &anyhow::Error) -> Option<String> {
        None
    }
}

/// A process that answers.
pub(crate) trait Process: Send + 'static {
    /// Sends a body, waits for the answer, and verifies that it is the same.
    fn echo(&mut self, body: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// Ends it in order, and waits until nothing is left of it.
    fn end(self) -> impl Future<Output = Result<()>> + Send;
}
