//! Changes to files, as inotify tells them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use crate::unix::wait::readable_before;

#[derive(Debug)]
pub(crate) struct Changes(OwnedFd);

impl Changes {
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&queue, directory, CHANGES)?;
        Ok(Self(queue))
    }

    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<()> {
        readable_before(&self.0, Instant::now() + limit)?;
        // What it was does not matter: whoever waited looks for himself.
        let mut events = [0_u8; 4096];
        loop {
            match rustix::io::read(&self.0, &mut events) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_TO);
