//! A process of the plugin that is being tried out.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use os::sandbox::{Exit, Running};
use tokio::task::JoinHandle;

use crate::plugin::check::CheckError;
use crate::plugin::check::observed::Observed;
use crate::plugin::check::stop::{Stop, broken};
use crate::plugin::host::launch::{Files, Launched};
use crate::transport::EndOf;

/// A process of the plugin, which ends with all that it started when this is dropped.
#[derive(Debug)]
pub(super) struct Subject {
    running: Running,
    end: EndOf,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
    _files: Option<Files>,
}

/// What a process wrote, as far as it is kept.
#[derive(Debug, Default)]
pub(super) struct Said {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
}

impl Subject {
    /// Watches a process, and reads what it writes, so that it never waits for that.
    pub(super) fn new(launched: Launched, observed: &Arc<Observed>) -> Result<Self, CheckError> {
        let said = Arc::new(Said::default());
        let (out, err) = (Arc::clone(&said), Arc::clone(&said));
        let observed = Arc::clone(observed);
        let stdout = File::from(launched.output.stdout);
        let stderr = File::from(launched.output.stderr);
        let readers = vec![
            tokio::task::spawn_blocking(move || {
                keep(stdout, &out.stdout, |kept| observed.look_at_stdout(kept));
            }),
            tokio::task::spawn_blocking(move || keep(stderr, &err.stderr, |_| {})),
        ];
        let end = EndOf::new(&launched.running).map_err(CheckError::Io)?;
        Ok(Self {
            running: launched.running,
            end,
            said,
            readers,
            _files: launched.files,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// What it wrote until now.
    pub(super) fn said(&self) -> &Arc<Said> {
        &self.said
    }

    /// Asks it to end, by SIGTERM.
    pub(super) fn terminate(&self) {
        // Who has ended needs no signal, and whoever waits learns of that.
        self.running.terminate().ok();
    }

    /// Waits until all of it has ended, and everything that it wrote is there.
    pub(super) async fn ended(&mut self, limit: Duration) -> Result<Exit, Stop> {
        let late = || broken(format!("that it ends within {limit:?}"), "it still runs");
        let ended = tokio::time::timeout(limit, self.end.ended()).await;
        ended.map_err(|_| late())?.map_err(CheckError::Io)?;
        for reader in self.readers.drain(..) {
            // It ends with the last process that can write.
            reader.await.ok();
        }
        let exit = self.running.try_wait().map_err(CheckError::Io)?;
        exit.ok_or_else(late)
    }
}

impl Said {
    pub(super) fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub(super) fn stderr(&self) -> String {
        text(&self.stderr)
    }
}

/// Reads to the end, and keeps the beginning.
fn keep(mut from: File, into: &Mutex<Vec<u8>>, look: impl Fn(&[u8])) {
    let mut buffer = [0; 8192];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT_BYTES {
            kept.extend_from_slice(read);
            look(&kept);
        }
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Further output is read, and not kept.
const MAX_KEPT_BYTES: usize = 64 * 1024;
