//! `linkspan daemon`: all daemons of this user, whichever programs started them.

mod list;
mod logs;
mod state;
mod status;
mod stop;

use clap::Subcommand;
use linkspan::daemon::{self, ClientError, DaemonEntry, PlaceError};

use crate::commands::block_on;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Look after daemons that programs have started for this user.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Status(status::Options),
    Stop(stop::Options),
    Logs(logs::Options),
}

pub(crate) fn run(command: Command, output: &Output) -> Result {
    let daemons = find(output)?;
    match command {
        Command::List(options) => block_on(list::run(options, daemons, output)),
        Command::Status(options) => block_on(status::run(options, daemons, output)),
        Command::Stop(options) => block_on(stop::run(options, daemons, output)),
        Command::Logs(options) => logs::run(&options, daemons, output),
    }
}

/// All that have a directory; complains about directories that cannot be used.
fn find(output: &Output) -> Result<Vec<DaemonEntry>> {
    let listing = daemon::list()?;
    for problem in listing.problems {
        output.notice(format_args!("a daemon is left out: {problem}"));
    }
    Ok(listing.daemons)
}

/// The daemon with this id; without one, the only one that fits.
fn choose(
    id: Option<&str>,
    daemons: Vec<DaemonEntry>,
    fits: impl Fn(&DaemonEntry) -> bool,
) -> Result<DaemonEntry> {
    let Some(id) = id else {
        return only(daemons.into_iter().filter(fits).collect());
    };
    let is_meant = |entry: &DaemonEntry| entry.label() == id || entry.name() == id;
    daemons.into_iter().find(is_meant).ok_or_else(|| {
        Failure::message(Kind::Unreachable, format!("there is no daemon {id:?}"))
            .hint("`linkspan daemon list --all` shows all that there are and were")
    })
}

fn only(mut daemons: Vec<DaemonEntry>) -> Result<DaemonEntry> {
    match (daemons.pop(), daemons.as_slice()) {
        (Some(entry), []) => Ok(entry),
        (None, _) => Err(none_runs()),
        (Some(last), others) => {
            let labels = others.iter().map(DaemonEntry::label);
            let labels: Vec<_> = labels.chain([last.label()]).collect();
            let message = format!("{} daemons are there, and one is wanted", labels.len());
            let hint = format!("name one of {}", labels.join(", "));
            Err(Failure::message(Kind::Usage, message).hint(hint))
        }
    }
}

fn none_runs() -> Failure {
    Failure::message(Kind::Unreachable, "no daemon runs").hint(
        "programs start theirs with their first command; `linkspan daemon list --all` shows those \
         that are gone",
    )
}

/// What became of a daemon that takes no commands.
fn absence(entry: &DaemonEntry) -> String {
    let label = entry.label();
    let drainers: Vec<_> = entry.drainers().iter().map(u32::to_string).collect();
    match entry.last_run() {
        _ if !drainers.is_empty() => format!(
            "daemon {label} takes no commands; those that run are finished by process {} \
             (`linkspan daemon stop --draining` ends it)",
            drainers.join(", ")
        ),
        Some(last) => {
            let why = last.ended.as_deref().unwrap_or("killed");
            format!(
                "daemon {label} does not run; the last one was process {}, its end: {why}",
                last.pid
            )
        }
        None => format!("daemon {label} does not run"),
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        Self::new(Kind::Other, error).hint(
            "daemons are in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/linkspan, /run/linkspan for root, or \
             /tmp/linkspan-UID, in directories that belong to you alone",
        )
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Silent { .. } => Kind::Deadline,
            ClientError::Busy { .. } | ClientError::Refused { .. } => Kind::Refused,
            _ => Kind::Unreachable,
        };
        let failure = Self::new(kind, error);
        match kind {
            Kind::Deadline => failure.hint("`linkspan daemon stop --force ID` ends it"),
            _ => failure,
        }
    }
}
