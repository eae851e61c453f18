//! Ending processes that take no commands any more and only finish those that run.
//!
//! Nobody can talk to them: their socket is a successor's by now. What they hold is a lock that has
//! their number in its name.

use std::time::Duration;

use os::{Process, SignalError};
use tokio::task::JoinSet;

use crate::daemon::Config;
use crate::daemon::lifecycle::stop::{GRACE, end, has_open, wait};
use crate::daemon::lifecycle::{Force, Places, StopError, Stopped, drainer};

/// Those that there are now; an error for each of which nobody can say which process it is.
pub(crate) fn find(places: &Places) -> Vec<Result<Process, StopError>> {
    let names = places.drainers().into_iter();
    let found = names.filter_map(|name| {
        let lock = places.directory().join(&name);
        let process = drainer(&name).and_then(|pid| Process::find(pid).ok()?);
        match process.filter(|process| has_open(*process, &lock)) {
            Some(process) => Some(Ok(process)),
            // It may have ended meanwhile.
            None => places
                .drainers()
                .contains(&name)
                .then_some(Err(StopError::Unknown)),
        }
    });
    found.collect()
}

/// Ends those that were found. Their commands have until `drain`, then they are cancelled.
pub(crate) async fn stop(
    found: Vec<Result<Process, StopError>>,
    config: &Config,
    drain: Duration,
    force: Force,
) -> Vec<Result<Stopped, StopError>> {
    let mut results = Vec::new();
    let mut ending = JoinSet::new();
    let patience = config.cancel_grace.saturating_add(GRACE);
    for process in found {
        match process {
            Ok(process) => drop(ending.spawn(finish(process, drain, patience, force))),
            Err(error) => results.push(Err(error)),
        }
    }
    results.extend(ending.join_all().await);
    results
}

async fn finish(
    process: Process,
    drain: Duration,
    patience: Duration,
    force: Force,
) -> Result<Stopped, StopError> {
    let pid = process.pid();
    if wait(process, drain).await? {
        return Ok(Stopped::InOrder { pid });
    }
    match process.terminate() {
        Ok(()) | Err(SignalError::Ended { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match (wait(process, patience).await?, force) {
        (true, _) => Ok(Stopped::InOrder { pid }),
        (false, Force::Yes) => end(process).await,
        (false, Force::No) => Err(StopError::Late {
            pid,
            waited: drain.saturating_add(patience),
        }),
    }
}
