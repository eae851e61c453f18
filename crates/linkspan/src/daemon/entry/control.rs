//! `--daemon VERB`: how the daemon is doing, and its end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::client::{ClientError, Connection};
use crate::daemon::entry::arguments::Verb;
use crate::daemon::entry::report::Report;
use crate::daemon::lifecycle::{
    self, CrashRow, Failure, Force, LogReader, Metadata, PlaceError, Places, Reached, Settings,
    Stopped, chain, drainer, drainers, reach,
};
use crate::daemon::wire::{self, ControlRequest, DaemonState};

/// Does what `verb` says, and prints it.
pub(super) async fn run(verb: Verb, settings: &Arc<Settings>, report: &Report) -> ExitCode {
    let done = match verb {
        Verb::Status => status(settings).await,
        Verb::Stop { now } => stop(settings, now).await,
        Verb::Restart => restart(settings).await,
        Verb::Logs { follow } => logs(settings, follow),
        Verb::Doctor => doctor(settings).await,
        Verb::Help => well(help(report)),
    };
    match done {
        Ok(Said { text, is_well }) => {
            // Whoever does not read it does not want it.
            io::stdout().write_all(text.as_bytes()).ok();
            io::stdout().flush().ok();
            ExitCode::from(u8::from(!is_well))
        }
        Err(error) => report.failed(&*error, UNREACHABLE),
    }
}

/// What is printed, and whether all is as it should be.
struct Said {
    text: String,
    is_well: bool,
}

type Answer = Result<Said, Box<dyn std::error::Error>>;

fn well(text: String) -> Answer {
    Ok(Said {
        text,
        is_well: true,
    })
}

async fn status(settings: &Settings) -> Answer {
    let places = settings.places()?;
    let mut text = String::new();
    let is_well = match reach(settings, &places).await? {
        Reached::Absent => {
            writeln!(text, "no daemon runs for {}", settings.id)?;
            false
        }
        Reached::Fit(connection) => {
            describe(&connection, &mut text).await?;
            true
        }
        Reached::Other(connection) => {
            describe(&connection, &mut text).await?;
            writeln!(
                text,
                "it is of another build than this program, and will be replaced"
            )?;
            true
        }
    };
    for name in places.drainers() {
        if let Some(pid) = drainer(&name) {
            writeln!(text, "process {pid} finishes its commands")?;
        }
    }
    Ok(Said { text, is_well })
}

async fn describe(connection: &Connection, text: &mut String) -> Result<(), ClientError> {
    let check = &connection.daemon;
    let reply = connection
        .control(ControlRequest::new(wire::Verb::Status))
        .await;
    let status = reply.and_then(|reply| reply.status).unwrap_or_default();
    let pid = connection
        .peer
        .credentials
        .and_then(|peer| peer.pid)
        .or(check.pid);
    let state = match status.state {
        DaemonState::Accepting => "takes commands",
        DaemonState::Draining => "finishes its commands",
        DaemonState::Unknown => "runs",
    };
    let mut lines = vec![
        format!("daemon {} {state}", check.daemon_id),
        format!(
            "process {}, build {}",
            pid.unwrap_or_default(),
            check.build_id
        ),
        format!("started: {}", status.startup),
        format!(
            "{} commands run, {} were accepted, {} connections",
            status.commands, status.commands_total, status.connections
        ),
        format!(
            "idle for {} s, {} KiB of memory",
            status.idle_ms / 1000,
            status.memory_bytes / 1024
        ),
    ];
    if status.aborted_total > 0 {
        lines.push(format!(
            "{} commands did not end when cancelled, and were cut off",
            status.aborted_total
        ));
    }
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    Ok(())
}

/// Has it end; `now`: without time for its commands, and those before it as well.
async fn stop(settings: &Settings, now: bool) -> Answer {
    let places = settings.places()?;
    let config = &settings.config;
    let drain = if now {
        Duration::ZERO
    } else {
        config.drain_timeout
    };
    // Before it becomes one of them.
    let found = drainers::find(&places);
    let older = match now {
        true => drainers::stop(found, config, drain, Force::Yes).await,
        false => Vec::new(),
    };
    let mut text = match lifecycle::stop(settings, drain).await? {
        Stopped::None => format!("no daemon runs for {}\n", settings.id),
        Stopped::InOrder { pid } => format!("daemon {} has ended, process {pid}\n", settings.id),
        Stopped::Ended { pid } => {
            format!(
                "daemon {} did not answer, process {pid} was ended\n",
                settings.id
            )
        }
    };
    let mut is_well = true;
    for stopped in older {
        match stopped {
            Ok(Stopped::InOrder { pid } | Stopped::Ended { pid }) => {
                writeln!(text, "an older one has ended, process {pid}")?;
            }
            Ok(Stopped::None) => {}
            Err(error) => {
                is_well = false;
                writeln!(text, "an older one goes on: {}", chain(&error))?;
            }
        }
    }
    for pid in places.drainers().iter().filter_map(|name| drainer(name)) {
        writeln!(
            text,
            "process {pid}, an older one, finishes its commands; --daemon stop --now ends it"
        )?;
    }
    Ok(Said { text, is_well })
}

/// A new daemon takes the place of the present one at once; that one finishes its commands.
async fn restart(settings: &Settings) -> Answer {
    let (connection, _) = lifecycle::restart(settings).await?;
    let pid = connection.peer.credentials.and_then(|peer| peer.pid);
    well(format!(
        "daemon {} was restarted, process {}\n",
        settings.id,
        pid.unwrap_or_default()
    ))
}

/// Prints the last lines of the log; to follow it is to go on until ^C or until nobody reads.
fn logs(settings: &Settings, follow: bool) -> Answer {
    let places = settings.places()?;
    let mut log = LogReader::at_end(settings.log(&places))?;
    let mut lines = log.last_lines(LOG_LINES)?;
    loop {
        let mut text = lines.join(&b'\n');
        if !text.is_empty() {
            text.push(b'\n');
        }
        let mut stdout = io::stdout().lock();
        let printed = stdout.write_all(&text).and_then(|()| stdout.flush());
        if !follow || printed.is_err() {
            return well(String::new());
        }
        lines = log.next_lines()?;
    }
}

async fn doctor(settings: &Settings) -> Answer {
    let places = match settings.places() {
        Ok(places) => places,
        Err(error) => return Ok(unusable(&error)),
    };
    let mut findings = vec![
        (
            true,
            format!("directory {} is private", places.directory().display()),
        ),
        last_failure(&places),
        metadata(&places),
        log(settings, &places),
        crashes(settings, &places),
    ];
    findings.push(match reach(settings, &places).await {
        Ok(Reached::Fit(_)) => (true, "the daemon answers".to_owned()),
        Ok(Reached::Other(_)) => (true, "a daemon of another build answers".to_owned()),
        Ok(Reached::Absent) => absent(&places),
        Err(error) => (false, chain(&error)),
    });
    let is_well = findings.iter().all(|(is_well, _)| *is_well);
    let mut text = String::new();
    for (is_well, finding) in findings {
        let mark = if is_well { "ok" } else { "problem" };
        writeln!(text, "{mark}: {finding}")?;
    }
    Ok(Said { text, is_well })
}

fn unusable(error: &PlaceError) -> Said {
    Said {
        text: format!("problem: {}\n", chain(error)),
        is_well: false,
    }
}

fn last_failure(places: &Places) -> (bool, String) {
    match Failure::last(places) {
        None => (true, "no start has failed".to_owned()),
        // It may have been repaired since.
        Some(failure) => (
            true,
            format!("a start has failed before: {}", failure.message),
        ),
    }
}

fn metadata(places: &Places) -> (bool, String) {
    match Metadata::read(places) {
        Ok(None) => (true, "no daemon has run yet".to_owned()),
        Ok(Some(last)) => {
            let is_there = last.executable.exists();
            let state = if is_there { "is there" } else { "is gone" };
            (
                is_there,
                format!("its program {} {state}", last.executable.display()),
            )
        }
        Err(error) => (false, chain(&error)),
    }
}

fn log(settings: &Settings, places: &Places) -> (bool, String) {
    let log = settings.log(places);
    match log.open() {
        Ok(_) => (true, format!("log {} can be written", log.path().display())),
        Err(error) => (false, chain(&error)),
    }
}

fn crashes(settings: &Settings, places: &Places) -> (bool, String) {
    let row = match CrashRow::now(places) {
        Ok(row) => row,
        Err(error) => return (false, chain(&error)),
    };
    match row.crashes {
        0 => (true, "it has not crashed lately".to_owned()),
        _ => {
            let log = LogReader::at_end(settings.log(places));
            let lines = log.and_then(|log| log.last_lines(DOCTOR_LINES));
            let lines = lines.unwrap_or_default().join(&b"\n    "[..]);
            let lines = String::from_utf8_lossy(&lines).into_owned();
            let text = format!("{row}; its log ends with:\n    {lines}");
            (!row.is_long(), text)
        }
    }
}

fn absent(places: &Places) -> (bool, String) {
    match places.life() {
        Ok(os::LockState::Held { pid }) => {
            let pid = pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
            (
                false,
                format!("process {pid} holds the daemon's lock and does not listen"),
            )
        }
        Ok(_) => (true, "no daemon runs".to_owned()),
        Err(error) => (false, chain(&error)),
    }
}

fn help(report: &Report) -> String {
    let name = report.name();
    format!(
        "\
{name} is run by a daemon, which it starts itself.

  {name} --daemon status           how the daemon is doing; code 1 if there is none
  {name} --daemon stop             has it finish its commands and end
  {name} --daemon stop --now       the same without time for commands, also those of older daemons
  {name} --daemon restart          replaces it; commands that run are finished by the old one
  {name} --daemon logs [--follow]  the end of its log, and what comes
  {name} --daemon doctor           looks for what may be wrong; code 1 if something is
  {name} --no-daemon ARGUMENTS     runs a command without the daemon

`linkspan daemon` does the same for the daemons of all programs, with --json for scripts.
"
    )
}

/// How much of a log is shown.
const LOG_LINES: usize = 100;
const DOCTOR_LINES: usize = 10;
const UNREACHABLE: u8 = 125;
