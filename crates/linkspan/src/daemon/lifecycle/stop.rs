//! Ending a daemon: it is asked, and only if it does not listen, the process is ended that it is.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use os::{ExecutableId, LockState, Process, SignalError};

use crate::daemon::Config;
use crate::daemon::client::{ClientError, Connection};
use crate::daemon::lifecycle::{Metadata, PlaceError, Places, Reached, Settings, reach};
use crate::daemon::wire::{ControlRequest, Verb};
use crate::transport;

/// What became of the wish that a daemon ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// There was none.
    None,
    /// It has ended by itself.
    InOrder {
        /// Its process id.
        pid: u32,
    },
    /// It had to be ended.
    Ended {
        /// Its process id.
        pid: u32,
    },
}

/// Whether a daemon that does not end by itself is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Force {
    /// It is only asked.
    #[default]
    No,
    /// Its process is ended, by SIGTERM and then by SIGKILL, if it is known for certain which one it
    /// is.
    Yes,
}

/// A daemon was not ended, and nobody else was either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Its directory cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It cannot be talked to.
    #[error(transparent)]
    Client(ClientError),
    /// It does not answer, and was not to be ended by force.
    #[error("the daemon does not answer")]
    Silent,
    /// It was asked, did not end in time, and was not to be ended by force.
    #[error("process {pid} was asked to end and has not within {} s", waited.as_secs())]
    Late {
        /// Its process id.
        pid: u32,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Nobody can say which process has to be ended.
    #[error("the daemon does not answer, and which process it is cannot be told")]
    Unknown,
    /// The system does not let this process end it.
    #[error("the daemon cannot be ended")]
    Signal(#[source] Box<dyn Error + Send + Sync>),
    /// Its process is stuck in the system.
    #[error("process {pid} did not end, though it was killed")]
    Survives {
        /// Its process id.
        pid: u32,
    },
    /// The system does not let this process look.
    #[error("cannot look at process {pid}")]
    Look {
        /// Its process id.
        pid: u32,
        /// The system's answer.
        source: io::Error,
    },
}

impl From<SignalError> for StopError {
    fn from(error: SignalError) -> Self {
        Self::Signal(Box::new(error))
    }
}

/// Has the daemon end; its commands have until `drain`, then they are cancelled.
pub(crate) async fn stop(settings: &Settings, drain: Duration) -> Result<Stopped, StopError> {
    let places = settings.places()?;
    let connection = match reach(settings, &places).await {
        Ok(Reached::Fit(connection) | Reached::Other(connection)) => Some(connection),
        Ok(Reached::Absent) | Err(ClientError::Silent { .. } | ClientError::Versions { .. }) => {
            None
        }
        Err(error) => return Err(StopError::Client(error)),
    };
    let connection = connection.map(|connection| *connection);
    stop_reached(&places, connection, &settings.config, drain, Force::Yes).await
}

/// The same for a daemon that was looked for before; `connection` is that to it, if it answers.
pub(super) async fn stop_reached(
    places: &Places,
    connection: Option<Connection>,
    config: &Config,
    drain: Duration,
    force: Force,
) -> Result<Stopped, StopError> {
    if let Some(connection) = connection
        && let Some(process) = peer(&connection)
    {
        let patience = drain.saturating_add(config.cancel_grace + GRACE);
        return ask(connection, process, drain, patience, force).await;
    }
    if force == Force::No {
        return match places.life().map_err(PlaceError::from)? {
            LockState::Held { .. } => Err(StopError::Silent),
            _ => Ok(Stopped::None),
        };
    }
    let process = match listener(config, places).await {
        Some(process) => Some(process),
        None => by_files(places)?,
    };
    match process {
        Some(process) => end(process).await,
        None => Ok(Stopped::None),
    }
}

/// The process at the other end, by the kernel's word.
fn peer(connection: &Connection) -> Option<Process> {
    let pid = connection.peer.credentials?.pid?;
    Process::find(pid).ok().flatten()
}

/// The process that listens, even if it says nothing, by the kernel's word.
async fn listener(daemon_config: &Config, places: &Places) -> Option<Process> {
    let (address, config) = (places.address(), transport::Config::default());
    let dialing = transport::dial_bytes(&address, &config);
    let limit = daemon_config.handshake_timeout;
    let link = tokio::time::timeout(limit, dialing).await.ok()?.ok()?;
    let pid = link.peer.credentials?.pid?;
    Process::find(pid).ok().flatten()
}

/// Which process holds the life lock without listening, by what it has written about itself.
///
/// The files alone are worth nothing: without the lock there is no daemon, and the process that they
/// name has to be the one that has the lock open, as far as the system tells.
fn by_files(places: &Places) -> Result<Option<Process>, StopError> {
    let LockState::Held { .. } = places.life().map_err(PlaceError::from)? else {
        return Ok(None);
    };
    let metadata = Metadata::read(places).map_err(PlaceError::from)?;
    let process = metadata.map(|metadata| metadata.process);
    let process = process.filter(|process| has_open(*process, &places.life_lock()));
    process.map(Some).ok_or(StopError::Unknown)
}

/// Whether a process has a file open; not, where the system does not tell.
pub(super) fn has_open(process: Process, file: &Path) -> bool {
    let same = |id: ExecutableId| (id.device, id.inode);
    let Ok(wanted) = os::executable_id(file).map(same) else {
        return false;
    };
    let descriptors = fs::read_dir(format!("/proc/{}/fd", process.pid()));
    let mut descriptors = descriptors.into_iter().flatten().flatten();
    descriptors.any(|entry| os::executable_id(&entry.path()).is_ok_and(|id| same(id) == wanted))
}

async fn ask(
    connection: Connection,
    process: Process,
    drain: Duration,
    patience: Duration,
    force: Force,
) -> Result<Stopped, StopError> {
    let mut request = ControlRequest::new(Verb::Stop);
    request.drain_ms = Some(u64::try_from(drain.as_millis()).unwrap_or(u64::MAX));
    let asked = async {
        connection.control(request).await;
        connection.closed().await;
    };
    // A daemon that is stopped by a signal accepts connections and hears nothing.
    tokio::time::timeout(patience, asked).await.ok();
    let pid = process.pid();
    match (wait(process, GRACE).await?, force) {
        (true, _) => Ok(Stopped::InOrder { pid }),
        (false, Force::Yes) => end(process).await,
        (false, Force::No) => Err(StopError::Late {
            pid,
            waited: patience,
        }),
    }
}

/// Ends the process that is meant, or nobody.
pub(super) async fn end(process: Process) -> Result<Stopped, StopError> {
    let pid = process.pid();
    for signal in [Process::terminate, Process::kill] {
        match signal(&process) {
            Ok(()) => {}
            Err(SignalError::Ended { .. }) => return Ok(Stopped::Ended { pid }),
            Err(error) => return Err(error.into()),
        }
        if wait(process, GRACE).await? {
            return Ok(Stopped::Ended { pid });
        }
    }
    Err(StopError::Survives { pid })
}

/// Whether a process ends within some time.
pub(super) async fn wait(process: Process, limit: Duration) -> Result<bool, StopError> {
    let pid = process.pid();
    let deadline = Instant::now() + limit;
    let waiting = tokio::task::spawn_blocking(move || process.wait_end(deadline));
    let ended = waiting
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    ended.map_err(|source| StopError::Look { pid, source })
}

pub(super) const GRACE: Duration = Duration::from_secs(3);
