//! A daemon's look at itself: whether it can still be found, and still should be.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use os::ExecutableId;

use crate::daemon::lifecycle::{Log, Places};

/// What has to stay where it is.
#[derive(Debug)]
pub(crate) struct Watch {
    socket: (PathBuf, Option<ExecutableId>),
    program: PathBuf,
    places: Arc<Places>,
    log: Log,
    interval: Duration,
}

/// What has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The socket, or the directory with it: no client finds this daemon any more.
    Socket,
    /// The program: it was removed from the machine.
    Program,
}

impl Watch {
    /// Begins, after the daemon listens.
    pub(crate) fn new(
        places: &Arc<Places>,
        program: PathBuf,
        log: Log,
        interval: Duration,
    ) -> Self {
        let socket = places.socket();
        let id = os::executable_id(&socket).ok();
        Self {
            socket: (socket, id),
            program,
            places: Arc::clone(places),
            log,
            interval,
        }
    }

    /// Waits until something has gone. Turns the log over meanwhile when it becomes long.
    pub(crate) async fn gone(&self) -> Gone {
        let mut ticks = tokio::time::interval(self.interval);
        loop {
            ticks.tick().await;
            if let Some(gone) = self.look() {
                return gone;
            }
            if let Err(error) = self.log.rotate(&self.places) {
                tracing::warn!(%error, "the log cannot be turned over");
            }
        }
    }

    fn look(&self) -> Option<Gone> {
        let (path, id) = &self.socket;
        // The same file: what was bound anew in its place is another daemon's.
        let is_same = match (id, os::executable_id(path)) {
            (Some(own), Ok(now)) => (own.device, own.inode) == (now.device, now.inode),
            (Some(_), Err(_)) => false,
            // A pipe is no file.
            (None, _) => true,
        };
        if !is_same {
            return Some(Gone::Socket);
        }
        // Replaced by another is not gone: clients of the new build ask for the hand-over.
        (!self.program.exists()).then_some(Gone::Program)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::daemon::lifecycle::DaemonId;

    fn watch(directory: &Path) -> (Arc<Places>, Watch) {
        let places = Places::open(&DaemonId::new("x").unwrap(), Some(directory)).unwrap();
        let places = Arc::new(places);
        fs::write(places.socket(), "").unwrap();
        let program = directory.join("program");
        fs::write(&program, "").unwrap();
        let log = Log::new(places.log(), 1000, 1);
        let watch = Watch::new(&places, program, log, Duration::from_millis(5));
        (places, watch)
    }

    #[tokio::test]
    async fn a_socket_in_the_place_of_the_own_one_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let (places, watch) = watch(directory.path());
        assert_eq!(watch.look(), None);
        fs::write(directory.path().join("other"), "").unwrap();
        fs::rename(directory.path().join("other"), places.socket()).unwrap();
        assert_eq!(watch.gone().await, Gone::Socket);
    }

    #[tokio::test]
    async fn a_program_that_was_removed_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let (_places, watch) = watch(directory.path());
        fs::remove_file(directory.path().join("program")).unwrap();
        assert_eq!(watch.gone().await, Gone::Program);
    }
}
