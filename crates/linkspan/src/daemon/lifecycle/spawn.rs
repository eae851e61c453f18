//! Starting the daemon, by a client that holds the spawn lock.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use os::{NotReady, Spawn, Spawned};

use crate::daemon::lifecycle::{Failure, Log, Places, Settings, StartError, build, life};

/// Starts the daemon and keeps the calling thread until it is ready. Gives what it says then.
///
/// If it is not ready in time it is ended. Why it failed is told to all who wait.
pub(crate) fn start(settings: &Settings, places: &Places) -> Result<String, StartError> {
    spawn(settings, places, chain(settings)?)
}

/// The same, by the daemon itself that gives its place away.
pub(crate) fn start_successor(settings: &Settings, places: &Places) -> Result<String, StartError> {
    spawn(settings, places, env::var(CHAIN).unwrap_or_default())
}

fn spawn(settings: &Settings, places: &Places, chain: String) -> Result<String, StartError> {
    let log = settings.log(places);
    let file = log.prepare(places).map_err(|source| StartError::Log {
        path: log.path().to_owned(),
        source,
    })?;
    let begin = log.len();
    let mut spawn = Spawn::new(program(settings)?, file);
    spawn.arguments = arguments(settings);
    spawn.environment = environment(settings, places);
    spawn.environment.push((CHAIN.into(), chain.into()));
    let started = spawn.detached().map_err(|error| life::chain(&error));
    let result = started.and_then(|spawned| wait(spawned, settings));
    result.map_err(|problem| {
        let message = with_tail(problem, &log, begin);
        Failure::new(message.as_str()).publish(places);
        StartError::Failed { message }
    })
}

/// The arguments by which a program knows that it is to be the daemon.
pub(crate) const DAEMON_ID: &str = "--daemon-id";
pub(crate) const BUILD_TIMESTAMP: &str = "--build-timestamp";

fn arguments(settings: &Settings) -> Vec<OsString> {
    let timestamp = settings.build.timestamp_ms().unwrap_or_default();
    vec![
        DAEMON_ID.into(),
        settings.id.as_str().into(),
        BUILD_TIMESTAMP.into(),
        timestamp.to_string().into(),
    ]
}

fn wait(mut spawned: Spawned, settings: &Settings) -> Result<String, String> {
    let deadline = Instant::now() + settings.config.spawn_timeout;
    spawned
        .wait_ready(deadline)
        .map(|ready| ready.text)
        .map_err(|error| {
            if !matches!(error, NotReady::Ended | NotReady::Failed { .. }) {
                // It may have ended meanwhile, which is as well.
                spawned.process().kill().ok();
            }
            life::chain(&error)
        })
}

/// Daemons that have led to this process, so that none starts itself over and over.
fn chain(settings: &Settings) -> Result<String, StartError> {
    let chain = env::var(CHAIN).unwrap_or_default();
    let name = settings.id.name();
    let mut names = chain.split(':').filter(|name| !name.is_empty());
    if names.clone().any(|other| other == name) || names.by_ref().count() >= MAX_CHAIN {
        let id = settings.id.as_str().to_owned();
        return Err(StartError::Chain { id, chain });
    }
    Ok(format!("{chain}:{name}"))
}

fn environment(settings: &Settings, places: &Places) -> Vec<(OsString, OsString)> {
    let names = settings.lifecycle.daemon_environment.iter();
    let names = names.filter(|name| *name != RUNTIME);
    let taken = names.filter_map(|name| Some((name.clone(), env::var_os(name)?)));
    // Both have to mean the same directory, whatever led this client to it.
    let runtime = places.runtime().map(|path| (RUNTIME.into(), path.into()));
    taken.chain(runtime).collect()
}

fn program(settings: &Settings) -> Result<PathBuf, StartError> {
    match &settings.lifecycle.executable {
        Some(program) => Ok(program.clone()),
        None => build::own_program().map_err(StartError::Program),
    }
}

/// The problem with what the daemon has written since `begin`.
fn with_tail(problem: String, log: &Log, begin: u64) -> String {
    let tail = log.tail(begin, TAIL_BYTES).unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    match tail.trim_end() {
        "" => problem,
        tail => format!(
            "{problem}\nits log {} ends with:\n{tail}",
            log.path().display()
        ),
    }
}

/// Names the daemons that led to a process.
const CHAIN: &str = "LINKSPAN_DAEMON_CHAIN";
const RUNTIME: &str = "RUNTIME_DIRECTORY";
const MAX_CHAIN: usize = 8;
const TAIL_BYTES: u64 = 4096;
