//! Changes to files, where the system does not tell: somebody has to look.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Changes;

impl Changes {
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        directory.metadata().map(|_| Self)
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "as on Linux")]
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<()> {
        thread::sleep(limit.min(LOOK_INTERVAL));
        Ok(())
    }
}

const LOOK_INTERVAL: Duration = Duration::from_millis(100);
