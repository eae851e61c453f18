//! A daemon's life, from its lock to its last command.
//!
//! ```text
//! life.lock ─► socket ─► daemon.json ─► ready ─ ... ─► socket gone ─► drain.PID.lock ─► daemon.json
//!  taken       bound      who I am                     for an end       taken           how I ended
//!                                                                         ─► life.lock ─► commands
//!                                                                             released     finish
//! ```

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use os::{Lock, ReadySender};
use thiserror::Error;

use crate::daemon::lifecycle::{
    CrashRow, Log, Metadata, PlaceError, Places, Settings, build, recovery, spawn, watch,
};
use crate::daemon::wire::LogTail;
use crate::daemon::{
    DaemonServer, EndReason, Ending, ServeError, Serving, StartupReason, StopReport,
};
use crate::signals::{Caught, Signals};

/// A daemon that takes commands.
struct Life {
    settings: Settings,
    places: Arc<Places>,
    metadata: Metadata,
    lock: Lock,
    serving: Serving,
    signals: Signals,
    reason: StartupReason,
}

/// What made a daemon end.
enum Why {
    Asked(EndReason),
    Signal(Caught),
    Gone(watch::Gone),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(reason) => write!(f, "{reason:?}"),
            Self::Signal(caught) => write!(f, "signal {}", caught.number()),
            Self::Gone(gone) => write!(f, "{gone:?} is gone"),
        }
    }
}

/// A daemon does not come to life.
#[derive(Debug, Error)]
pub(crate) enum LifeError {
    #[error("the daemon's files cannot be used")]
    Place(#[from] PlaceError),
    #[error("it cannot serve")]
    Serve(#[from] ServeError),
    #[error("it cannot listen to signals")]
    Signals(#[source] io::Error),
    #[error("it cannot find its own program")]
    Program(#[source] io::Error),
}

/// Serves until the daemon is to end and its commands have ended. Tells whoever has started it
/// whether it is ready; `note` gets what belongs into the log.
pub(crate) async fn live(
    settings: Settings,
    server: DaemonServer,
    ready: Option<ReadySender>,
    note: impl Fn(&str),
) -> Result<(), LifeError> {
    let mut life = match Life::begin(settings, server).await {
        Ok(life) => life,
        Err(error) => {
            // First, because the log's end is shown with what follows.
            note(&format!("not started: {}", chain(&error)));
            if let Some(ready) = ready {
                ready.failed(&chain(&error)).ok();
            }
            return Err(error);
        }
    };
    note(&format!("started: {}", life.reason));
    if let Some(ready) = ready {
        // Whoever has started it may be gone; others may come.
        ready.ready(&life.reason.to_string()).ok();
    }
    let (ending, why) = life.ending().await;
    note(&format!("ends: {why}"));
    let report = life.end(ending, matches!(why, Why::Signal(_))).await;
    note(&format!(
        "ended: {} commands finished, {} cancelled, {} stuck",
        report.finished, report.cancelled, report.stuck
    ));
    Ok(())
}

impl Life {
    async fn begin(settings: Settings, server: DaemonServer) -> Result<Self, LifeError> {
        let places = settings.places()?;
        // The one before may be about to go; nothing else happens in this process meanwhile.
        let patience = settings.config.spawn_timeout / 5 * 4;
        let lock = places.lock_life(Instant::now() + patience);
        let lock = lock.map_err(PlaceError::from)?;
        let last = Metadata::read(&places).map_err(PlaceError::from)?;
        let reason = recovery::startup_reason(last.as_ref(), &settings.build);
        let signals = Signals::listen().map_err(LifeError::Signals)?;
        let program = build::own_program().map_err(LifeError::Program)?;
        let serving = server
            .config(settings.config.clone())
            .build(settings.build.id(), settings.build.timestamp_ms())
            .startup(reason.clone())
            .restartable()
            .logs(tail(settings.log(&places)))
            .listen(places.address())
            .await?;
        let mut metadata = Metadata::own(&settings.id, &settings.build, program, reason.crashes());
        let row = last.map(|last| CrashRow::after(&last, metadata.started_ms));
        metadata.row = row.unwrap_or_default();
        metadata.write(&places).map_err(PlaceError::from)?;
        Ok(Self {
            settings,
            places: Arc::new(places),
            metadata,
            lock,
            serving,
            signals,
            reason,
        })
    }

    /// Waits until there is a reason to end.
    async fn ending(&mut self) -> (Ending, Why) {
        let program = self.metadata.executable.clone();
        let log = self.settings.log(&self.places);
        let interval = self.settings.lifecycle.check_interval;
        let watch = watch::Watch::new(&self.places, program, log, interval);
        let limit = self.settings.config.drain_timeout;
        tokio::select! {
            ending = self.serving.ending() => (ending, Why::Asked(ending.reason)),
            caught = caught(&mut self.signals) => {
                (Ending::new(EndReason::Stop, limit), Why::Signal(caught))
            }
            gone = watch.gone() => {
                (Ending::new(EndReason::Stop, limit), Why::Gone(gone))
            }
        }
    }

    /// Gives the place to a successor, and finishes what runs. Signals make it quick: one has it
    /// cancelled, one more has it cut off; one that began the end counts.
    async fn end(mut self, ending: Ending, is_signal: bool) -> StopReport {
        self.serving.drain().await;
        // Without these two a successor starts all the same; the directory may be gone.
        let drain = self.places.lock_drain().ok();
        self.metadata.ended = Some(recovery::mark(ending.reason).to_owned());
        self.metadata.write_last(&self.places);
        drop(self.lock);
        if ending.reason == EndReason::Restart {
            succeed(&self.settings).await;
        }
        let hurry = self.serving.hurry();
        let cut = async {
            if !is_signal {
                caught(&mut self.signals).await;
                hurry();
            }
            caught(&mut self.signals).await;
        };
        let report = tokio::select! {
            report = self.serving.stop(ending.limit) => report,
            () = cut => StopReport::default(),
        };
        if drain.is_some() {
            self.places.remove_drain();
        }
        report
    }
}

/// Has a successor started at once, unless a client does.
async fn succeed(settings: &Settings) {
    let settings = settings.clone();
    let starting = tokio::task::spawn_blocking(move || {
        let places = settings.places()?;
        let deadline = Instant::now() + settings.config.spawn_timeout;
        let lock = places.lock_spawn(deadline).map_err(PlaceError::from)?;
        spawn::start_successor(&settings, &places).ok();
        drop(lock);
        Ok::<_, PlaceError>(())
    });
    if let Ok(Err(error)) = starting.await {
        tracing::warn!(%error, "no successor was started");
    }
}

/// The next signal that ends daemons.
async fn caught(signals: &mut Signals) -> Caught {
    loop {
        match signals.next().await {
            Caught::Resize => {}
            caught => return caught,
        }
    }
}

/// Reads the end of the log for clients.
fn tail(log: Log) -> impl Fn(usize) -> io::Result<LogTail> + Send + Sync + 'static {
    move |bytes| {
        let tail = log.tail(0, bytes as u64)?;
        let path = PathBuf::from(log.path()).into_os_string();
        Ok(LogTail::new(path.into_encoded_bytes().into(), tail.into()))
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Transparent errors say the same as their source.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
