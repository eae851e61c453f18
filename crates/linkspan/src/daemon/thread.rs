//! The thread on which connections are read, so that no handler can hold them up.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime of one thread, until it is dropped.
#[derive(Debug)]
pub(super) struct Connections {
    handle: Handle,
    /// The thread ends when this goes, and with it all that runs there.
    _stop: oneshot::Sender<()>,
}

impl Connections {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("daemon".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // It never gets a message, only its end.
                runtime.block_on(stopped).ok();
                runtime.shutdown_background();
            })?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Connections need little.
const STACK_BYTES: usize = 1024 * 1024;
