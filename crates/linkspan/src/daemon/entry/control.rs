//! `--daemon VERB`: how the daemon is doing, and its end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use crate::daemon::client::{ClientError, Connection};
use crate::daemon::entry::arguments::Verb;
use crate::daemon::entry::report::Report;
use crate::daemon::lifecycle::{
    self, Failure, Metadata, PlaceError, Places, Reached, Settings, Stopped, chain, drainer, reach,
};
use crate::daemon::wire::{self, ControlRequest, DaemonState, DaemonStatus};

/// Does what `verb` says, and prints it.
pub(super) async fn run(verb: Verb, settings: &Arc<Settings>, report: &Report) -> ExitCode {
    let done = match verb {
        Verb::Status => status(settings).await,
        Verb::Stop => stop(settings).await,
        Verb::Restart => restart(settings).await,
        Verb::Logs => logs(settings),
        Verb::Doctor => doctor(settings).await,
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
    let DaemonStatus {
        commands,
        commands_total,
        connections,
        crashes,
        memory_bytes,
        idle_ms,
        ..
    } = status;
    let lines = [
        format!("daemon {} {state}", check.daemon_id),
        format!(
            "process {}, build {}",
            pid.unwrap_or_default(),
            check.build_id
        ),
        format!(
            "{commands} commands run, {commands_total} were accepted, {connections} connections"
        ),
        format!(
            "idle for {} s, {} KiB of memory",
            idle_ms / 1000,
            memory_bytes / 1024
        ),
        format!("{crashes} crashes in a row before it"),
    ];
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    Ok(())
}

async fn stop(settings: &Settings) -> Answer {
    let stopped = lifecycle::stop(settings, settings.config.drain_timeout).await?;
    well(match stopped {
        Stopped::None => format!("no daemon runs for {}\n", settings.id),
        Stopped::InOrder { pid } => format!("daemon {} has ended, process {pid}\n", settings.id),
        Stopped::Ended { pid } => {
            format!(
                "daemon {} did not answer, process {pid} was ended\n",
                settings.id
            )
        }
    })
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

fn logs(settings: &Settings) -> Answer {
    let places = settings.places()?;
    let log = settings.log(&places);
    let tail = match log.tail(0, LOG_BYTES) {
        Ok(tail) => tail,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    well(String::from_utf8_lossy(&tail).into_owned())
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

const LOG_BYTES: u64 = 64 * 1024;
const UNREACHABLE: u8 = 125;
