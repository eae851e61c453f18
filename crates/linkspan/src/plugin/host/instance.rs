//! A process of a plugin that runs.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use os::sandbox::{Applied, Exit, ProcessTable, Running, Usage};
use tokio::sync::{Notify, watch};

use crate::plugin::Ready;
use crate::plugin::host::Ending;
use crate::plugin::host::launch::Files;
use crate::plugin::host::words::cut;
use crate::session::Connection;

/// A process of a plugin that runs, and the connection with it.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) number: u32,
    pub(super) pid: u32,
    pub(super) since: SystemTime,
    pub(super) began: Instant,
    pub(super) applied: Applied,
    pub(super) connection: Connection,
    pub(super) readiness: Arc<Readiness>,
    running: Mutex<Running>,
    /// What it reads while it runs.
    _files: Option<Files>,
    usage: Mutex<Option<Usage>>,
    in_flight: AtomicU32,
    calls: AtomicU64,
    /// Told when nothing is in flight any more.
    idle: Notify,
    /// How it ended, for those whose calls it did not answer.
    fate: watch::Sender<Option<String>>,
}

/// What a process that runs is made of.
pub(super) struct Parts {
    pub(super) running: Running,
    pub(super) connection: Connection,
    pub(super) readiness: Arc<Readiness>,
    pub(super) files: Option<Files>,
    pub(super) began: Instant,
}

impl Instance {
    pub(super) fn new(number: u32, parts: Parts) -> Self {
        Self {
            number,
            pid: parts.running.pid(),
            since: SystemTime::now(),
            began: parts.began,
            applied: parts.running.applied().clone(),
            connection: parts.connection,
            readiness: parts.readiness,
            running: Mutex::new(parts.running),
            _files: parts.files,
            usage: Mutex::default(),
            in_flight: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            idle: Notify::new(),
            fate: watch::Sender::new(None),
        }
    }

    /// Whether it takes calls now.
    pub(super) fn is_callable(&self) -> bool {
        self.readiness.is_ready() && self.connection.is_open()
    }

    /// Calls that it has not answered.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Calls that it was given.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Waits until all calls are answered.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Says how it ended.
    pub(super) fn set_fate(&self, ending: &Ending) {
        self.fate.send_replace(Some(ending.to_string()));
    }

    /// How it ended, as soon as that is known; none if it takes long.
    pub(super) async fn fate(&self) -> Option<String> {
        let mut fate = self.fate.subscribe();
        let known = tokio::time::timeout(FATE, fate.wait_for(Option::is_some));
        known.await.ok()?.ok()?.clone()
    }

    /// Asks the process to end, by SIGTERM.
    pub(super) fn terminate(&self) {
        // Who has ended needs no signal.
        self.running().terminate().ok();
    }

    /// Ends all of it.
    pub(super) fn kill(&self) {
        self.running().kill().ok();
    }

    /// How it ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.running().try_wait().ok().flatten()
    }

    /// What it used when that was last looked at.
    pub(super) fn usage(&self) -> Option<Usage> {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks what it uses, and ends it if that is too much memory.
    pub(super) fn check(&self, processes: &ProcessTable) {
        let usage = self.running().check(processes).ok();
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that an instance has to answer, or has answered just now.
#[derive(Debug)]
pub(super) struct Lease {
    instance: Arc<Instance>,
}

impl Lease {
    pub(super) fn new(instance: &Arc<Instance>) -> Self {
        instance.in_flight.fetch_add(1, Ordering::AcqRel);
        instance.calls.fetch_add(1, Ordering::Relaxed);
        Self {
            instance: Arc::clone(instance),
        }
    }

    pub(super) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The instance, which has answered.
    pub(super) fn into_instance(self) -> Arc<Instance> {
        Arc::clone(&self.instance)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.instance.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.instance.idle.notify_waiters();
        }
    }
}

/// Whether a plugin can do its work, as it says itself.
#[derive(Default)]
pub(super) struct Readiness {
    latest: Mutex<Option<Ready>>,
    /// Told with each word of the plugin.
    changed: Notify,
}

impl Readiness {
    /// Takes note of what the plugin says; says whether it makes a difference to calls.
    pub(super) fn note(&self, ready: Ready) -> bool {
        let is_ready = ready.ready;
        let before = self.lock().replace(brief(ready));
        self.changed.notify_waiters();
        before.is_none_or(|before| before.ready != is_ready)
    }

    /// The answer to a question; an event that came meanwhile is newer.
    pub(super) fn note_first(&self, ready: Ready) {
        self.lock().get_or_insert(brief(ready));
        self.changed.notify_waiters();
    }

    /// What it last said.
    pub(super) fn latest(&self) -> Option<Ready> {
        self.lock().clone()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.lock().as_ref().is_some_and(|ready| ready.ready)
    }

    /// Waits until it can do its work.
    pub(super) async fn ready(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_ready() {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ready>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.latest()).finish()
    }
}

fn brief(mut ready: Ready) -> Ready {
    ready.reason = cut(ready.reason);
    ready
}

/// A process whose connection is lost is known to have ended within that.
const FATE: Duration = Duration::from_secs(1);
