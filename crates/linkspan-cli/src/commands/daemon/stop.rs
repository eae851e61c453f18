//! `linkspan daemon stop`.

use std::time::Duration;

use clap::Args;
use linkspan::daemon::{DaemonEntry, Force, StopError, Stopped};
use serde_json::json;

use crate::commands::daemon::{absence, choose};
use crate::commands::up::drain_time;
use crate::config::Span;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Have a daemon finish its commands and end, and wait for its end.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Options {
    /// The daemon's id, or the name of its directory; without it, the only one that runs.
    #[arg(conflicts_with = "all")]
    id: Option<String>,

    /// All daemons that run.
    #[arg(long)]
    all: bool,

    /// Processes that take no commands any more and only finish those that run, too; `list` shows
    /// them as draining.
    #[arg(long)]
    draining: bool,

    /// How long commands that run may take, as 500ms, 10s or 2m; then they are cancelled.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = drain_time)]
    drain_timeout: Span,

    /// End the process of a daemon that does not answer or does not end, if it is certain which one
    /// it is.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(options: Options, daemons: Vec<DaemonEntry>, output: &Output) -> Result {
    let fits = |entry: &DaemonEntry| {
        entry.is_running() || options.draining && !entry.drainers().is_empty()
    };
    let chosen: Vec<_> = match options.all {
        true => daemons.into_iter().filter(fits).collect(),
        false => vec![choose(options.id.as_deref(), daemons, fits)?],
    };
    if chosen.is_empty() {
        output.notice("no daemon runs");
    }
    let drain = options.drain_timeout.0;
    let force = if options.force { Force::Yes } else { Force::No };
    let stopping: Vec<_> = chosen
        .into_iter()
        .map(|entry| tokio::spawn(stop(entry, drain, force, options.draining)))
        .collect();
    let mut failed = None;
    for stopped in stopping {
        let (entry, results) = stopped.await.map_err(std::io::Error::other)?;
        for stopped in results {
            let told = stopped
                .map_err(Failure::from)
                .and_then(|stopped| tell(&entry, stopped, output));
            let Err(failure) = told else {
                continue;
            };
            let failure = failure.context(format!("cannot stop daemon {}", entry.label()));
            // The last one is told by whoever called us.
            if let Some(earlier) = failed.replace(failure) {
                output.failure(&earlier);
            }
        }
        if !options.draining && entry.is_running() {
            for pid in entry.drainers() {
                output.notice(format_args!(
                    "process {pid}, an older one of {}, finishes its commands; --draining ends it, too",
                    entry.label()
                ));
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Stops the daemon, and before it those that only finish their commands, if they are meant, too:
/// later it is one of them itself.
async fn stop(
    entry: DaemonEntry,
    drain: Duration,
    force: Force,
    draining: bool,
) -> (DaemonEntry, Vec<std::result::Result<Stopped, StopError>>) {
    let mut results = match draining {
        true => entry.stop_drainers(drain, force).await,
        false => Vec::new(),
    };
    if entry.is_running() || results.is_empty() {
        results.push(entry.stop(drain, force).await);
    }
    (entry, results)
}

fn tell(entry: &DaemonEntry, stopped: Stopped, output: &Output) -> Result {
    let (pid, how) = match stopped {
        Stopped::InOrder { pid } => (pid, "has ended"),
        Stopped::Ended { pid } => (pid, "did not end by itself and was ended"),
        // It is as it was to be.
        _ => {
            output.notice(absence(entry));
            return Ok(());
        }
    };
    if output.json {
        let is_forced = matches!(stopped, Stopped::Ended { .. });
        return Ok(output.json_line(
            &json!({ "id": entry.label(), "pid": pid, "stopped": true, "forced": is_forced }),
        )?);
    }
    let label = output.style().name(entry.label());
    output.line(format_args!("daemon {label} {how}, process {pid}"))?;
    Ok(())
}

impl From<StopError> for Failure {
    fn from(error: StopError) -> Self {
        let (kind, hint) = match &error {
            StopError::Silent => (Kind::Deadline, Some("--force ends its process")),
            StopError::Late { .. } => (
                Kind::Deadline,
                Some("--force ends its process; a longer --drain-timeout waits for its commands"),
            ),
            StopError::Unknown => (
                Kind::Other,
                Some(
                    "a process that only might be it is never ended; `linkspan daemon list` shows what is known",
                ),
            ),
            StopError::Client(_) => (Kind::Unreachable, None),
            _ => (Kind::Other, None),
        };
        let failure = Self::new(kind, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
