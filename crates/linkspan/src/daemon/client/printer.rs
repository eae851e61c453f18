//! Output of a command on this process's own stdout and stderr.
//!
//! Writing may take as long as a slow reader likes, and must hold up neither signals nor other
//! commands, so a thread does it. Both streams go through one: then their order on a terminal is that
//! in which the daemon sent them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::daemon::client::session::GRANT_BYTES;
use crate::daemon::wire::Stream;

/// Prints on a thread of its own. What it holds is bounded by the credit of the streams.
#[derive(Debug)]
pub(super) struct Printer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes the thread.
    more: Condvar,
    /// Wakes the session.
    progress: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<(Stream, Bytes)>,
    is_closed: bool,
    news: News,
}

/// What has become of output since the last look.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct News {
    /// Bytes of stdout that are done with.
    pub(super) stdout: u64,
    /// Those of stderr.
    pub(super) stderr: u64,
    /// Nobody reads stdout any more.
    pub(super) reader_is_gone: bool,
    /// Everything is printed, and the thread has ended.
    pub(super) is_done: bool,
}

impl News {
    /// Whether the session has something to do: waking it for each piece would cost more than the
    /// piece.
    fn is_due(&self) -> bool {
        let is_much = self.stdout.max(self.stderr) >= GRANT_BYTES;
        is_much || self.reader_is_gone || self.is_done
    }
}

impl Printer {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            more: Condvar::new(),
            progress: Notify::new(),
        });
        let printing = Arc::clone(&shared);
        thread::Builder::new()
            .name("linkspan-print".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || print(&printing))?;
        Ok(Self(shared))
    }

    pub(super) fn push(&self, stream: Stream, data: Bytes) {
        let mut state = self.0.lock();
        let was_empty = state.queue.is_empty();
        state.queue.push_back((stream, data));
        drop(state);
        // Only then does the thread wait, and telling it costs a system call.
        if was_empty {
            self.0.more.notify_one();
        }
    }

    /// Nothing more follows.
    pub(super) fn close(&self) {
        self.0.lock().is_closed = true;
        self.0.more.notify_one();
    }

    /// Waits until much has been printed, or all.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn news(&self) -> News {
        loop {
            let due = self.0.lock().take_news();
            if let Some(news) = due {
                return news;
            }
            self.0.progress.notified().await;
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece; nothing when all is printed.
    fn next(&self) -> Option<(Stream, Bytes)> {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.queue.pop_front() {
                return Some(piece);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .more
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn note(&self, change: impl FnOnce(&mut News)) {
        let mut state = self.lock();
        change(&mut state.news);
        let is_due = state.news.is_due();
        drop(state);
        if is_due {
            self.progress.notify_one();
        }
    }
}

impl State {
    fn take_news(&mut self) -> Option<News> {
        self.news.is_due().then(|| mem::take(&mut self.news))
    }
}

fn print(shared: &Shared) {
    while let Some((stream, data)) = shared.next() {
        let bytes = data.len() as u64;
        match stream {
            Stream::Stderr => {
                // Whoever closed it does not want to know.
                write(&mut io::stderr(), &data).ok();
                shared.note(|news| news.stderr += bytes);
            }
            _ => {
                let written = write(&mut io::stdout(), &data);
                shared.note(|news| {
                    news.stdout += bytes;
                    news.reader_is_gone |= written.is_err();
                });
            }
        }
    }
    shared.note(|news| news.is_done = true);
}

/// Writes all of `data`, also to what somebody has made non-blocking.
fn write(stream: &mut impl Write, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let taken = stream.write(data).and_then(|count| match count {
            0 => Err(io::ErrorKind::WriteZero.into()),
            count => Ok(count),
        });
        match retry(taken)? {
            Some(count) => data = data.get(count..).unwrap_or_default(),
            None => thread::sleep(RETRY),
        }
    }
    while retry(stream.flush())?.is_none() {
        thread::sleep(RETRY);
    }
    Ok(())
}

fn retry<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

const STACK_BYTES: usize = 128 * 1024;
const RETRY: Duration = Duration::from_millis(1);
