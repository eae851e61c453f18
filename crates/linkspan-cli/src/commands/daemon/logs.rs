//! `linkspan daemon logs`.

use anyhow::Context;
use clap::Args;
use linkspan::daemon::{DaemonEntry, LogReader};
use serde_json::json;

use crate::commands::daemon::choose;
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, plain};

/// Show the end of a daemon's log, also of one that is gone.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The daemon's id, or the name of its directory; without it, the only one that has a log.
    id: Option<String>,

    /// How many lines; older log files are read, too, if there are not enough in the present one.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100)]
    lines: usize,

    /// Go on with what comes, until ^C.
    #[arg(long, short)]
    follow: bool,
}

pub(super) fn run(options: &Options, daemons: Vec<DaemonEntry>, output: &Output) -> Result {
    let running = daemons.iter().any(DaemonEntry::is_running);
    let fits = |entry: &DaemonEntry| entry.is_running() || !running && !entry.logs().is_empty();
    let entry = choose(options.id.as_deref(), daemons, fits)?;
    if entry.logs().is_empty() {
        let message = format!("daemon {} has no log", entry.label());
        return Err(Failure::message(Kind::Other, message));
    }
    let cannot_read = || format!("cannot read the log of {}", entry.label());
    let mut log = entry.read_log().with_context(cannot_read)?;
    for line in log.last_lines(options.lines).with_context(cannot_read)? {
        show(&line, output)?;
    }
    if options.follow {
        follow(&mut log, output)?;
    }
    Ok(())
}

/// Ends with ^C, or when nobody reads any more.
fn follow(log: &mut LogReader, output: &Output) -> Result {
    loop {
        for line in log.next_lines().context("cannot follow the log")? {
            show(&line, output)?;
        }
    }
}

/// One line; what a terminal would obey is escaped.
fn show(line: &[u8], output: &Output) -> Result {
    let line = String::from_utf8_lossy(line);
    let shown = match output.json {
        true => output.json_line(&json!({ "line": line })),
        false => output.line(plain(&line)),
    };
    Ok(shown?)
}
