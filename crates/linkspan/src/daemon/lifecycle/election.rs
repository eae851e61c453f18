//! The client's way to the daemon: it is there, or is started, or makes room.
//!
//! Whoever finds nobody waits for the spawn lock, looks again, and starts the daemon if there is
//! still none. So one client starts it, and all others find it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use os::LockError;

use crate::clock;
use crate::daemon::client::{ClientError, Connection};
use crate::daemon::lifecycle::{
    BuildPolicy, Failure, PlaceError, Places, Settings, StartError, crashes, spawn,
};
use crate::daemon::wire::{ControlRequest, Role, Verb};
use crate::transport::{self, DialError};

/// What stands at the daemon's place.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The daemon that is wanted.
    Fit(Box<Connection>),
    /// One of another build, or of no common version.
    Other(Box<Connection>),
    /// Nobody.
    Absent,
}

/// How the daemon was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It was there.
    Found,
    /// This client has started it; it said so.
    Started(String),
}

impl Arrival {
    /// With what else there is to be said of a start.
    fn explained(self, more: Option<String>) -> Self {
        match (self, more) {
            (Self::Started(said), Some(more)) => Self::Started(format!("{said}, {more}")),
            (arrival, _) => arrival,
        }
    }
}

/// Connects to the daemon, and starts it before if there is none.
///
/// `leaving` is a process that has refused a command because it is about to end: it is not the daemon
/// any more, even if it still listens for a moment.
pub(crate) async fn connect(
    settings: &Settings,
    leaving: Option<u32>,
) -> Result<(Connection, Arrival), ClientError> {
    let places = Arc::new(settings.places()?);
    match reach(settings, &places).await? {
        Reached::Fit(connection) if !is_leaving(&connection, leaving) => {
            Ok((*connection, Arrival::Found))
        }
        _ => elect(settings, &places, leaving).await,
    }
}

/// Connects to the daemon if there is one.
pub(crate) async fn reach(settings: &Settings, places: &Places) -> Result<Reached, ClientError> {
    let limit = settings.config.handshake_timeout;
    let address = places.address();
    let config = transport::Config::default();
    let dialing = transport::dial_bytes(&address, &config);
    let link = match tokio::time::timeout(limit, dialing).await {
        Ok(Ok(link)) => link,
        Ok(Err(error)) if is_absence(&error) => return Ok(Reached::Absent),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(ClientError::Silent { limit }),
    };
    let ours = settings.version_check(Role::Client);
    let connection = match Connection::open(link, ours.clone(), limit).await {
        Ok(connection) => Box::new(connection),
        // It has just closed its socket, or was killed.
        Err(ClientError::Lost(_)) => return Ok(Reached::Absent),
        Err(error) => return Err(error),
    };
    let theirs = &connection.daemon;
    let is_fit = match settings.lifecycle.build_policy {
        BuildPolicy::Share => true,
        BuildPolicy::Replace => theirs.build_id == ours.build_id,
    };
    match (ours.agree(theirs), settings.lifecycle.build_policy) {
        (Some(_), _) if is_fit => Ok(Reached::Fit(connection)),
        (None, BuildPolicy::Share) => Err(ClientError::Versions {
            theirs: theirs.versions,
            ours: ours.versions,
        }),
        _ => Ok(Reached::Other(connection)),
    }
}

/// Starts the daemon, unless somebody else does meanwhile.
async fn elect(
    settings: &Settings,
    places: &Arc<Places>,
    leaving: Option<u32>,
) -> Result<(Connection, Arrival), ClientError> {
    let before = Failure::last(places);
    let patience = settings.config.spawn_timeout * 2;
    let deadline = clock::after(Instant::now(), patience);
    let lock = wait_lock(places, deadline, patience).await?;
    let reached = reach(settings, places).await?;
    let is_absent = matches!(reached, Reached::Absent);
    match reached {
        // Its successor waits until it has left.
        Reached::Fit(connection) if is_leaving(&connection, leaving) => {}
        Reached::Fit(connection) => return Ok((*connection, Arrival::Found)),
        Reached::Other(connection) => replace(settings, places, *connection, deadline).await?,
        Reached::Absent => {}
    }
    match Failure::last(places) {
        Some(failure) if Some(&failure) != before.as_ref() => {
            let message = failure.message;
            return Err(StartError::Failed { message }.into());
        }
        _ => {}
    }
    let paused = match is_absent {
        true => crashes::pause(settings, places).await,
        false => None,
    };
    let (connection, arrival) = start(settings, places, lock).await?;
    Ok((connection, arrival.explained(paused)))
}

/// Has a new daemon take the place of the present one, whatever build that is, and connects to it.
pub(crate) async fn restart(settings: &Settings) -> Result<(Connection, Arrival), ClientError> {
    let places = Arc::new(settings.places()?);
    let patience = settings.config.spawn_timeout * 2;
    let deadline = clock::after(Instant::now(), patience);
    let lock = wait_lock(&places, deadline, patience).await?;
    if let Reached::Fit(old) | Reached::Other(old) = reach(settings, &places).await? {
        replace(settings, &places, *old, deadline).await?;
    }
    start(settings, &places, lock).await
}

/// Starts the daemon under the lock, and connects to it.
async fn start(
    settings: &Settings,
    places: &Arc<Places>,
    lock: os::Lock,
) -> Result<(Connection, Arrival), ClientError> {
    let (starting, place) = (settings.clone(), Arc::clone(places));
    let said = blocking(move || spawn::start(&starting, &place)).await??;
    let reached = reach(settings, places).await?;
    drop(lock);
    match reached {
        // Of another build than this client: its program was replaced while it ran.
        Reached::Fit(connection) | Reached::Other(connection) => {
            Ok((*connection, Arrival::Started(said)))
        }
        Reached::Absent => Err(StartError::Unreachable.into()),
    }
}

/// Has a daemon of another build make room. It finishes its commands; its successor can start at
/// once, as it waits for the life lock.
async fn replace(
    settings: &Settings,
    places: &Arc<Places>,
    old: Connection,
    deadline: Instant,
) -> Result<(), ClientError> {
    loop {
        let drainers = places.drainers();
        if drainers.len() < settings.lifecycle.max_drainers {
            break;
        }
        let Some(first) = drainers.first().cloned() else {
            break;
        };
        let place = Arc::clone(places);
        let waited = blocking(move || place.wait_drainer(&first, deadline)).await?;
        if waited.is_err() {
            let drainers = drainers.len();
            return Err(StartError::Drainers { drainers }.into());
        }
    }
    old.control(ControlRequest::new(Verb::Drain)).await;
    Ok(())
}

async fn wait_lock(
    places: &Arc<Places>,
    deadline: Instant,
    waited: Duration,
) -> Result<os::Lock, ClientError> {
    let place = Arc::clone(places);
    match blocking(move || place.lock_spawn(deadline)).await? {
        Ok(lock) => Ok(lock),
        Err(LockError::Held { .. }) => Err(StartError::Waited { waited }.into()),
        Err(error) => Err(PlaceError::from(error).into()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ClientError::Io {
        action: "wait on a thread",
        source: io::Error::other(error),
    })
}

fn is_leaving(connection: &Connection, leaving: Option<u32>) -> bool {
    leaving.is_some() && connection.pid() == leaving
}

/// Whether an error means that nobody listens.
pub(super) fn is_absence(error: &DialError) -> bool {
    let DialError::Io { source, .. } = error else {
        return false;
    };
    matches!(
        source.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
    )
}
