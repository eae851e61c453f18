//! All daemons of this user, whichever programs they belong to.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use os::LockState;

use crate::daemon::client::{ClientError, Connection};
use crate::daemon::lifecycle::election::is_absence;
use crate::daemon::lifecycle::stop::stop_reached;
use crate::daemon::lifecycle::{
    DaemonId, Force, Log, LogReader, Metadata, PlaceError, Places, StopError, Stopped, drainer,
    drainers,
};
use crate::daemon::wire::{ControlReply, ControlRequest, Role, VersionCheck};
use crate::daemon::{Config, Lost};
use crate::transport;

/// What was found in the user's runtime directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listing {
    /// Daemons that run, and those that have run.
    pub daemons: Vec<DaemonEntry>,
    /// Why directories of others cannot be looked into.
    pub problems: Vec<PlaceError>,
}

/// A daemon that has a directory in the user's runtime directory, as it was when it was listed.
#[derive(Debug)]
pub struct DaemonEntry {
    places: Places,
    last: Option<LastRun>,
    id: Option<DaemonId>,
    is_running: bool,
    pid: Option<u32>,
    drainers: Vec<u32>,
}

/// What the last daemon of an id wrote about itself; it may have been written by anybody who runs
/// programs as this user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastRun {
    /// Its process id; that of somebody else by now, maybe.
    pub pid: u32,
    /// Which build it was.
    pub build_id: String,
    /// Its program.
    pub executable: PathBuf,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// Why it ended; nothing if it runs, or if it was killed.
    pub ended: Option<String>,
}

/// Lists all daemons of this user, sorted by id. Looks at files and locks only, asks nobody and makes
/// nothing.
///
/// Programs whose [`LifecycleConfig::runtime_directory`](crate::daemon::LifecycleConfig) is set keep their daemons elsewhere.
///
/// # Errors
///
/// [`PlaceError`]: the runtime directory cannot be found, read or trusted. It is no error if it is not
/// there.
pub fn list() -> Result<Listing, PlaceError> {
    list_in(None)
}

fn list_in(base: Option<&Path>) -> Result<Listing, PlaceError> {
    let mut daemons = Vec::new();
    let mut problems = Vec::new();
    for places in Places::open_all(base)? {
        match places.and_then(DaemonEntry::look) {
            Ok(entry) => daemons.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    daemons.sort_by(|one, other| one.label().cmp(other.label()));
    Ok(Listing { daemons, problems })
}

impl DaemonEntry {
    fn look(places: Places) -> Result<Self, PlaceError> {
        let life = places.life()?;
        let metadata = Metadata::read(&places)?;
        let drainers = places.drainers();
        let id = metadata
            .as_ref()
            .and_then(|metadata| id_of(metadata, &places));
        Ok(Self {
            last: metadata.map(LastRun::from),
            id,
            is_running: matches!(life, LockState::Held { .. }),
            pid: match life {
                LockState::Held { pid } => pid,
                _ => None,
            },
            drainers: drainers.iter().filter_map(|name| drainer(name)).collect(),
            places,
        })
    }

    /// Its id; nothing if no daemon has written one here that belongs to this directory.
    pub fn id(&self) -> Option<&DaemonId> {
        self.id.as_ref()
    }

    /// The name of its directory: [`DaemonId::name`] of its id.
    pub fn name(&self) -> &str {
        self.places.name()
    }

    /// Its id, or the name of its directory if the id is not known.
    pub fn label(&self) -> &str {
        self.id
            .as_ref()
            .map_or_else(|| self.name(), DaemonId::as_str)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.places.directory()
    }

    /// Whether a daemon takes commands, or is about to: it holds the lock that only one can hold.
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// The process that holds that lock, as it says.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Processes that take no commands any more and only finish those that run.
    pub fn drainers(&self) -> &[u32] {
        &self.drainers
    }

    /// What the last daemon wrote about itself.
    pub fn last_run(&self) -> Option<&LastRun> {
        self.last.as_ref()
    }

    /// Its log files that there are, the present one first, then older ones.
    pub fn logs(&self) -> Vec<PathBuf> {
        Log::new(self.places.log(), u64::MAX, MOST_LOGS).files()
    }

    /// Reads its log from the end on, also while none is there yet.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn read_log(&self) -> io::Result<LogReader> {
        LogReader::at_end(Log::new(self.places.log(), u64::MAX, MOST_LOGS))
    }

    /// Asks the daemon; nothing if there is none. Builds and versions do not matter: these questions
    /// are the same in all of them.
    ///
    /// # Errors
    ///
    /// [`ClientError::Silent`] if it does not answer within 2 s, [`ClientError::Dial`] and
    /// [`ClientError::Lost`] if it cannot be reached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection; the daemon may do what it was asked for.
    pub async fn ask(&self, request: ControlRequest) -> Result<Option<ControlReply>, ClientError> {
        let limit = Config::default().handshake_timeout;
        let asking = async {
            let Some(connection) = self.connect(limit).await? else {
                return Ok(None);
            };
            match connection.control(request).await {
                Some(reply) => Ok(Some(reply)),
                None => Err(ClientError::Lost(Lost::closed())),
            }
        };
        tokio::time::timeout(limit, asking)
            .await
            .unwrap_or(Err(ClientError::Silent { limit }))
    }

    /// Has the daemon that takes commands end, and waits for its end. Commands that run have until
    /// `drain`, then they are cancelled; 8 s later it is late.
    ///
    /// # Errors
    ///
    /// [`StopError`]: neither it nor anybody else was ended. With [`Force::No`] it is
    /// [`StopError::Silent`] or [`StopError::Late`] that force may help against.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the wish back.
    pub async fn stop(&self, drain: Duration, force: Force) -> Result<Stopped, StopError> {
        let config = Config::default();
        let connection = match self.connect(config.handshake_timeout).await {
            Ok(connection) => connection,
            Err(ClientError::Silent { .. }) => None,
            Err(error) => return Err(StopError::Client(error)),
        };
        stop_reached(&self.places, connection, &config, drain, force).await
    }

    /// Ends the [processes](Self::drainers) that only finish their commands, and waits for their end.
    /// Commands have until `drain`, then they are cancelled; 8 s later a process is late.
    ///
    /// To end them together with the daemon that takes commands, call this first: that one becomes
    /// such a process, too, when it is stopped.
    ///
    /// # Platform notes
    ///
    /// Only Linux tells for certain which process holds a lock. Elsewhere each of them is
    /// [`StopError::Unknown`], and none is ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave some of them running.
    pub async fn stop_drainers(
        &self,
        drain: Duration,
        force: Force,
    ) -> Vec<Result<Stopped, StopError>> {
        let found = drainers::find(&self.places);
        drainers::stop(found, &Config::default(), drain, force).await
    }

    /// A connection for questions; nothing if nobody listens.
    async fn connect(&self, limit: Duration) -> Result<Option<Connection>, ClientError> {
        let (address, config) = (self.places.address(), transport::Config::default());
        let dialing = transport::dial_bytes(&address, &config);
        let link = match tokio::time::timeout(limit, dialing).await {
            Ok(Ok(link)) => link,
            Ok(Err(error)) if is_absence(&error) => return Ok(None),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(ClientError::Silent { limit }),
        };
        // Without an id: whoever listens here is meant.
        let mut ours = VersionCheck::new(Role::Client, "", "");
        ours.pid = Some(std::process::id());
        match Connection::open(link, ours, limit).await {
            Ok(connection) => Ok(Some(connection)),
            Err(ClientError::Lost(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The id that a daemon wrote, if this directory is that id's.
fn id_of(metadata: &Metadata, places: &Places) -> Option<DaemonId> {
    let id = DaemonId::new(metadata.id.as_str()).ok()?;
    (id.name() == places.name()).then_some(id)
}

impl From<Metadata> for LastRun {
    fn from(metadata: Metadata) -> Self {
        Self {
            pid: metadata.process.pid(),
            build_id: metadata.build_id,
            executable: metadata.executable,
            started_ms: metadata.started_ms,
            ended: metadata.ended,
        }
    }
}

/// How many are looked for: programs keep as many as they want.
const MOST_LOGS: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::Build;

    fn entry(base: &Path, id: &str, written: &str) {
        let places = Places::open(&DaemonId::new(id).unwrap(), Some(base)).unwrap();
        let written = DaemonId::new(written).unwrap();
        let metadata = Metadata::own(&written, &Build::named("b7"), "/bin/spell".into(), 0);
        metadata.write(&places).unwrap();
    }

    #[test]
    fn a_runtime_directory_that_is_missing_stays_so() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("linkspan");
        assert!(list_in(Some(&base)).unwrap().daemons.is_empty());
        assert!(!base.exists());
    }

    #[test]
    fn an_id_is_believed_only_in_its_own_directory() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("linkspan");
        entry(&base, "spell", "spell");
        entry(&base, "make", "innocent");
        std::fs::create_dir(base.join("daemons/notes")).unwrap();
        let daemons = list_in(Some(&base)).unwrap().daemons;
        let mut labels: Vec<_> = daemons.iter().map(DaemonEntry::label).collect();
        labels.sort_unstable();
        let make = DaemonId::new("make").unwrap().name();
        let mut expected = vec!["spell", make.as_str()];
        expected.sort_unstable();
        assert_eq!(labels, expected);
        assert!(daemons.iter().all(|entry| !entry.is_running()));
    }

    #[test]
    fn who_holds_the_lock_runs() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().join("linkspan");
        entry(&base, "spell", "spell");
        let places = Places::open(&DaemonId::new("spell").unwrap(), Some(&base)).unwrap();
        let lock = places.lock_life(std::time::Instant::now()).unwrap();
        let daemons = list_in(Some(&base)).unwrap().daemons;
        let [daemon] = daemons.as_slice() else {
            panic!("{daemons:?}");
        };
        assert!(daemon.is_running());
        assert_eq!(daemon.pid(), Some(std::process::id()));
        drop(lock);
    }
}
