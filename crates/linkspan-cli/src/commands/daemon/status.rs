//! `linkspan daemon status`.

use std::time::Duration;

use clap::Args;
use linkspan::daemon::DaemonEntry;
use linkspan::daemon::wire::{DaemonIdentity, DaemonState, DaemonStatus};
use serde_json::json;

use crate::commands::daemon::state::{Seen, State, since_ms};
use crate::commands::daemon::{absence, choose, none_runs};
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, Table, bytes, count, since};

/// Show all that a daemon says about itself.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The daemon's id, or the name of its directory; without it, the only one that runs.
    id: Option<String>,
}

pub(super) async fn run(options: Options, daemons: Vec<DaemonEntry>, output: &Output) -> Result {
    let entry = choose(options.id.as_deref(), daemons, DaemonEntry::is_running)?;
    let seen = Seen::ask(entry).await;
    if seen.state() == State::Gone {
        return Err(gone(&seen.entry));
    }
    let drainers = seen.entry.drainers().to_vec();
    let directory = seen.entry.directory().display().to_string();
    let reply = seen.into_answer()?.ok_or_else(none_runs)?;
    if let Some(error) = reply.error {
        return Err(Failure::message(Kind::Refused, error));
    }
    let (Some(identity), Some(status)) = (reply.identity, reply.status) else {
        let message = "the daemon answered something else";
        return Err(Failure::message(Kind::Other, message));
    };
    if output.json {
        return Ok(output.json_line(&json!({
            "identity": {
                "daemon_id": identity.daemon_id,
                "pid": identity.pid,
                "protocol_versions": [identity.versions.min, identity.versions.max],
                "build_id": identity.build_id,
                "build_timestamp_ms": identity.build_timestamp_ms,
                "executable": String::from_utf8_lossy(&identity.executable),
            },
            "status": status,
            "drainers": drainers,
            "directory": directory,
        }))?);
    }
    show(&identity, &status, &drainers, &directory, output)
}

fn show(
    identity: &DaemonIdentity,
    status: &DaemonStatus,
    drainers: &[u32],
    directory: &str,
    output: &Output,
) -> Result {
    let style = output.style();
    let mark = match status.state {
        DaemonState::Draining => style.warning("●"),
        _ => style.good("●"),
    };
    output.line(format_args!("{mark} {}", style.title(&identity.daemon_id)))?;
    let mut facts = Table::of_facts();
    facts.fact("process", identity.pid);
    facts.fact(
        "state",
        match status.state {
            DaemonState::Accepting => "takes commands",
            DaemonState::Draining => "finishes its commands",
            _ => "runs",
        },
    );
    facts.fact("program", String::from_utf8_lossy(&identity.executable));
    facts.fact("build", &identity.build_id);
    facts.fact("up for", since(since_ms(status.started_ms)));
    facts.fact("idle for", since(Duration::from_millis(status.idle_ms)));
    if !status.startup.is_empty() {
        facts.fact("started", &status.startup);
    }
    let (running, served) = (count(status.commands), count(status.commands_total));
    facts.fact(
        "commands",
        format_args!("{running} running, {served} accepted"),
    );
    facts.fact("refused", count(status.busy_total));
    facts.fact("connections", count(status.connections));
    facts.fact("cut off", count(status.aborted_total));
    facts.fact("stuck", count(status.stuck));
    facts.fact("crashes", count(status.crashes));
    facts.fact("memory", bytes(status.memory_bytes));
    facts.fact("directory", directory);
    for pid in drainers {
        facts.fact(
            "older one",
            format_args!("process {pid} finishes its commands"),
        );
    }
    Ok(output.line(facts)?)
}

fn gone(entry: &DaemonEntry) -> Failure {
    Failure::message(Kind::Unreachable, absence(entry)).hint(format!(
        "`linkspan daemon logs {:?}` shows what it said",
        entry.label()
    ))
}
