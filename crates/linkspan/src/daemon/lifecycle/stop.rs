//! Ending a daemon: it is asked, and only if it does not listen, the process is ended that it is.

use std::io;
use std::time::{Duration, Instant};

use os::{LockState, Process, SignalError};
use thiserror::Error;

use crate::daemon::client::{ClientError, Connection};
use crate::daemon::lifecycle::{Metadata, PlaceError, Places, Reached, Settings, reach};
use crate::daemon::wire::{ControlRequest, Verb};

/// What became of the wish to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// There was none.
    None,
    /// It has ended by itself.
    InOrder { pid: u32 },
    /// It had to be ended.
    Ended { pid: u32 },
}

/// A daemon was not ended, and nobody else was either.
#[derive(Debug, Error)]
pub(crate) enum StopError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Client(ClientError),
    #[error("the daemon does not answer, and which process it is cannot be told")]
    Unknown,
    #[error("the daemon cannot be ended")]
    Signal(#[from] SignalError),
    #[error("process {pid} did not end, though it was killed")]
    Survives { pid: u32 },
    #[error("cannot look at process {pid}")]
    Look { pid: u32, source: io::Error },
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
    if let Some(connection) = connection
        && let Some(process) = peer(&connection)
    {
        let patience = drain + settings.config.cancel_grace + GRACE;
        return ask(*connection, process, drain, patience).await;
    }
    let Some(process) = by_files(&places)? else {
        return Ok(Stopped::None);
    };
    end(process).await
}

/// The process at the other end, by the kernel's word.
fn peer(connection: &Connection) -> Option<Process> {
    let pid = connection.peer.credentials?.pid?;
    Process::find(pid).ok().flatten()
}

/// Which process holds the life lock, by what it has written about itself.
///
/// The files alone are worth nothing: without the lock there is no daemon, and with it the number
/// and the start time have to be those of the process that is running.
fn by_files(places: &Places) -> Result<Option<Process>, StopError> {
    let LockState::Held { pid } = places.life().map_err(PlaceError::from)? else {
        return Ok(None);
    };
    let metadata = Metadata::read(places).map_err(PlaceError::from)?;
    let process = metadata.map(|metadata| metadata.process);
    let process = process.filter(|process| pid.is_none_or(|pid| pid == process.pid()));
    process.map(Some).ok_or(StopError::Unknown)
}

async fn ask(
    connection: Connection,
    process: Process,
    drain: Duration,
    patience: Duration,
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
    match wait(process, GRACE).await? {
        true => Ok(Stopped::InOrder { pid }),
        false => end(process).await,
    }
}

/// Ends the process that is meant, or nobody.
async fn end(process: Process) -> Result<Stopped, StopError> {
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
async fn wait(process: Process, limit: Duration) -> Result<bool, StopError> {
    let pid = process.pid();
    let deadline = Instant::now() + limit;
    let waiting = tokio::task::spawn_blocking(move || process.wait_end(deadline));
    let ended = waiting
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    ended.map_err(|source| StopError::Look { pid, source })
}

const GRACE: Duration = Duration::from_secs(3);
