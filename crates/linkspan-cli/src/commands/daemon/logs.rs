//! `linkspan daemon logs`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use linkspan::daemon::DaemonEntry;
use serde_json::json;

use crate::commands::daemon::choose;
use crate::commands::daemon::tail::{Follower, last_lines};
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
    let files = entry.logs();
    let Some(present) = files.first() else {
        let message = format!("daemon {} has no log", entry.label());
        return Err(Failure::message(Kind::Other, message));
    };
    let mut follower = Follower::at_end(present.clone())
        .with_context(|| format!("cannot read {}", present.display()))?;
    let lines = last_lines(&files, follower.start(), options.lines);
    for line in lines.with_context(|| format!("cannot read the log of {}", entry.label()))? {
        show(&line, output)?;
    }
    if options.follow {
        follow(&mut follower, output)?;
    }
    Ok(())
}

/// Ends with ^C, or when nobody reads any more.
fn follow(follower: &mut Follower, output: &Output) -> Result {
    loop {
        for line in follower.next_lines().context("cannot follow the log")? {
            show(&line, output)?;
        }
        std::thread::sleep(LOOK_INTERVAL);
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

/// How often a log that is followed is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
