//! `linkspan daemon list`.

use clap::Args;
use linkspan::daemon::DaemonEntry;
use serde_json::{Value, json};

use crate::commands::daemon::state::{Seen, State};
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count, since};

/// List the daemons that run, and how they are doing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Those that are gone and left their log, too.
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(options: Options, daemons: Vec<DaemonEntry>, output: &Output) -> Result {
    // Together, as one that hangs is waited for.
    let asked: Vec<_> = daemons
        .into_iter()
        .map(|entry| tokio::spawn(Seen::ask(entry)))
        .collect();
    let mut daemons = Vec::new();
    for seen in asked {
        daemons.push(seen.await.map_err(std::io::Error::other)?);
    }
    let rows = daemons.iter().flat_map(Row::of);
    let rows: Vec<_> = rows
        .filter(|row| options.all || row.state != State::Gone)
        .collect();
    if output.json {
        return Ok(output.json_line(&rows.iter().map(Row::json).collect::<Vec<_>>())?);
    }
    if rows.is_empty() {
        // It is an answer and no failure: nobody said that there is one.
        output.notice("no daemon runs");
        return Ok(());
    }
    let heads = [
        "ID", "PID", "STATE", "BUILD", "UP FOR", "RUNNING", "SERVED", "MEMORY",
    ];
    let mut table = Table::new(heads, output.style());
    for row in &rows {
        table.row(row.cells());
    }
    Ok(output.line(table.right(&[1, 5, 6, 7]))?)
}

/// One process.
struct Row<'a> {
    seen: &'a Seen,
    pid: Option<u32>,
    state: State,
    /// Whether the daemon's answer is about this process.
    is_answer: bool,
}

impl<'a> Row<'a> {
    /// The daemon that takes commands, and those that finish theirs; the last one if there are none.
    fn of(seen: &'a Seen) -> impl Iterator<Item = Self> {
        let state = seen.state();
        let drainers = seen.entry.drainers().iter().copied();
        // One that has just begun to drain may still answer.
        let answered = seen.pid().filter(|_| state != State::Gone);
        let drainers: Vec<_> = drainers.filter(|pid| Some(*pid) != answered).collect();
        let is_shown = state != State::Gone || drainers.is_empty();
        let present = is_shown.then(|| Self {
            seen,
            pid: seen.pid(),
            state,
            is_answer: true,
        });
        let draining = drainers.into_iter().map(move |pid| Self {
            seen,
            pid: Some(pid),
            state: State::Draining,
            is_answer: false,
        });
        present.into_iter().chain(draining)
    }

    fn cells(&self) -> [String; 8] {
        let status = self.seen.status().filter(|_| self.is_answer);
        let uptime = self.seen.uptime().filter(|_| self.is_answer);
        let build = self.seen.build().filter(|_| self.is_answer);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            self.seen.entry.label().to_owned(),
            or_dash(self.pid.map(|pid| pid.to_string())),
            self.state.name().to_owned(),
            or_dash(build.map(str::to_owned)),
            or_dash(uptime.map(since)),
            or_dash(status.map(|status| count(status.commands))),
            or_dash(status.map(|status| count(status.commands_total))),
            or_dash(status.map(|status| bytes(status.memory_bytes))),
        ]
    }

    fn json(&self) -> Value {
        let status = self.seen.status().filter(|_| self.is_answer);
        let last = self.seen.entry.last_run().filter(|_| self.is_answer);
        json!({
            "id": self.seen.entry.id().map(|id| id.as_str()),
            "name": self.seen.entry.name(),
            "directory": self.seen.entry.directory().to_string_lossy(),
            "pid": self.pid,
            "state": self.state.name(),
            "build_id": self.seen.build().filter(|_| self.is_answer),
            "ended": last.and_then(|last| last.ended.as_deref()),
            "status": status,
        })
    }
}
