//! Reading what a process writes, on threads of its own.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::watch;

use crate::plugin::host::Descriptor;
use crate::plugin::host::logs::intake::Intake;
use crate::plugin::host::logs::tail::Tail;
use crate::plugin::host::logs::{LogSource, Logs};

/// A process whose stdout and stderr are read.
///
/// Each has a thread, so that the process never waits for this one's runtime. It ends when nothing of
/// the process is left that could write.
#[derive(Debug)]
pub(crate) struct Reading {
    /// How many streams are read.
    open: watch::Receiver<usize>,
    tail: Arc<Mutex<Tail>>,
}

impl Reading {
    pub(super) fn start(
        logs: &Logs,
        instance: u32,
        stdout: Descriptor,
        stderr: Descriptor,
    ) -> io::Result<Self> {
        let (sender, open) = watch::channel(2);
        let tail = Arc::new(Mutex::new(Tail::new(logs.config().tail_bytes)));
        let streams = [
            (LogSource::Stdout, stdout, None),
            (LogSource::Stderr, stderr, Some(Arc::clone(&tail))),
        ];
        for (source, descriptor, tail) in streams {
            let mut intake = Intake::new(logs, instance, source, tail);
            let ended = sender.clone();
            let reader = thread::Builder::new()
                .name(format!("plugin-{}", source.name()))
                .stack_size(STACK_BYTES);
            reader.spawn(move || {
                read(descriptor, &mut intake);
                intake.finish();
                ended.send_modify(|open| *open -= 1);
            })?;
        }
        Ok(Self { open, tail })
    }

    /// The last lines of stderr, the latest last; all that was written is in them once it has
    /// [ended](Self::ended).
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.lines(TAIL_LINES)
    }

    /// Waits until all that was written is in the logs, and nothing more can come.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn ended(&self) {
        let mut open = self.open.clone();
        open.wait_for(|open| *open == 0).await.ok();
    }
}

fn read(descriptor: Descriptor, intake: &mut Intake) {
    let mut pipe = File::from(descriptor);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => intake.take(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "what a plugin writes cannot be read");
                return;
            }
        }
    }
}

/// Half of what a pipe holds.
const BUFFER_BYTES: usize = 32 * 1024;
const STACK_BYTES: usize = 128 * 1024;
/// What crash reports show.
const TAIL_LINES: usize = 20;
