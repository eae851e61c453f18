//! All that a plugin said, as far as it is kept.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use os::sandbox::Output;

use crate::pace::{Bucket, Pace};
use crate::plugin::host::logs::reading::Reading;
use crate::plugin::host::logs::ring::Ring;
use crate::plugin::host::logs::{LogConfig, LogEntry, LogFollower, LogSource};
use crate::plugin::{LogLevel, LogRecord};

/// What a plugin said, as far as it is kept. Clones are the same.
#[derive(Debug, Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: LogConfig,
    ring: Mutex<Ring>,
    /// How fast records of each instance come.
    records: Mutex<BTreeMap<u32, Arc<Meter>>>,
    dropped: AtomicU64,
    /// When the paces began.
    began: Instant,
}

/// Counts what comes too fast.
#[derive(Debug)]
pub(super) struct Meter {
    pace: Pace,
    bucket: Bucket,
    /// How many were not kept since the last one that was.
    dropped: AtomicU64,
}

/// What was counted of what a plugin said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogStats {
    /// Entries that there were, kept or gone.
    pub entries: u64,
    /// Lines and records that came too fast, or were dropped by the plugin itself.
    pub dropped: u64,
    /// Entries that are kept now.
    pub kept_entries: usize,
    /// About how many bytes they take.
    pub kept_bytes: usize,
}

impl Logs {
    /// Keeps nothing yet.
    pub(crate) fn new(config: LogConfig) -> Self {
        let shared = Shared {
            config,
            ring: Mutex::default(),
            records: Mutex::default(),
            dropped: AtomicU64::new(0),
            began: Instant::now(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The latest entries, in their order.
    pub fn recent(&self, most: usize) -> Vec<Arc<LogEntry>> {
        self.ring().recent(most)
    }

    /// The latest entries, and all that comes from now on.
    pub fn follow(&self, recent: usize) -> LogFollower {
        LogFollower::new(self.clone(), recent)
    }

    /// What was counted so far.
    pub fn stats(&self) -> LogStats {
        let (kept_entries, kept_bytes, entries) = self.ring().size();
        LogStats {
            entries,
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            kept_entries,
            kept_bytes,
        }
    }

    /// Reads what a process that was started writes, until all of it has ended.
    ///
    /// # Errors
    ///
    /// There are no threads for it.
    pub(crate) fn read(&self, instance: u32, output: Output) -> io::Result<Reading> {
        Reading::start(self, instance, output.stdout, output.stderr)
    }

    /// Takes a record of an instance.
    pub(crate) fn record(&self, instance: u32, mut record: LogRecord) {
        self.count_dropped(record.dropped);
        let meter = self.meter(instance);
        let Some(dropped) = meter.take(self.now_ns()) else {
            meter.dropped.fetch_add(record.dropped, Ordering::Relaxed);
            return self.count_dropped(1);
        };
        record.dropped = record.dropped.saturating_add(dropped);
        let max_bytes = self.config().max_line_bytes;
        self.push(LogEntry::record(instance, record, max_bytes));
    }

    /// Says something about an instance, as its host.
    pub(crate) fn note(&self, instance: u32, level: LogLevel, text: impl Into<String>) {
        let entry = LogEntry::line(instance, LogSource::Host, level, text.into());
        self.push(entry);
    }

    /// Ends all followers.
    pub(crate) fn close(&self) {
        let waiting = self.ring().close();
        waiting.into_iter().for_each(std::task::Waker::wake);
    }

    pub(super) fn push(&self, entry: LogEntry) {
        let waiting = self.ring().push(entry, self.config());
        waiting.into_iter().for_each(std::task::Waker::wake);
    }

    pub(super) fn count_dropped(&self, number: u64) {
        self.shared.dropped.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn config(&self) -> &LogConfig {
        &self.shared.config
    }

    pub(super) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.shared.ring)
    }

    /// Time for meters.
    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from(self.shared.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn meter(&self, instance: u32) -> Arc<Meter> {
        let mut meters = lock(&self.shared.records);
        let new = || Arc::new(Meter::new(self.config()));
        Arc::clone(meters.entry(instance).or_insert_with(new))
    }
}

impl Meter {
    pub(super) fn new(config: &LogConfig) -> Self {
        Self::of(config.lines_per_second, config.burst_lines)
    }

    /// So many in each second, and so many at once.
    pub(super) fn of(per_second: u32, burst: u32) -> Self {
        Self {
            pace: Pace::new(per_second, Duration::from_secs(1), burst),
            bucket: Bucket::default(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Whether one may be kept, and how many before it were not; else it is counted.
    pub(super) fn take(&self, now_ns: u64) -> Option<u64> {
        match self.pace.take(&self.bucket, now_ns) {
            Ok(()) => Some(self.take_dropped()),
            Err(_) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// How many were not kept since the last one that was.
    pub(super) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
