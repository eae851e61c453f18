//! The session of a plugin with its host.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::message::Identity;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, warn};

use crate::auth::Principal;
use crate::plugin::Ready;
use crate::plugin::guest::crew::Crew;
use crate::plugin::guest::desk::Desk;
use crate::plugin::guest::program::Start;
use crate::plugin::guest::{Host, Plugin, explain};
use crate::plugin::wire::{EXIT_PROTOCOL, EXIT_SOFTWARE, LOG, READY};
use crate::session::{CallError, Config, ConnectError, Connection, Disconnected};
use crate::signals::{Caught, Signals};
use crate::transport::Connected;

/// Has a session with the host to its end; gives the exit code.
pub(super) async fn converse(plugin: Plugin, inherited: os::Inherited, crew: &Arc<Crew>) -> u8 {
    let desk = Arc::new(Desk::new(&plugin, crew));
    let config = Arc::new(config(&plugin.name, &plugin.version));
    let Plugin {
        name,
        host,
        on_start,
        ..
    } = plugin;
    let connected = Connected::inherited(inherited, Principal::named("host"));
    let connection = match connected {
        Ok(connected) => Connection::serving(connected, &config, desk).await,
        Err(error) => Err(ConnectError::Io(error)),
    };
    match connection {
        Ok((connection, session)) => {
            let reason = serve(&host, connection, on_start, crew).await;
            end(&name, reason, session).await
        }
        Err(ConnectError::Io(error)) if is_end(&error) => 0,
        Err(error) => {
            explain::say(&format!("{name}: {}", explain::chain(&error)));
            EXIT_PROTOCOL
        }
    }
}

/// Serves the host until the session is over; gives the reason, or none if it could not start.
async fn serve(
    host: &Host,
    connection: Connection,
    start: Option<Start>,
    crew: &Arc<Crew>,
) -> Option<Disconnected> {
    host.open(connection.clone());
    let readiness = host.readiness();
    drop(tokio::spawn(tell_logs(host.clone(), connection.clone())));
    drop(tokio::spawn(tell_readiness(readiness, connection.clone())));
    drop(tokio::spawn(obey_signals(connection.clone())));
    let started = tokio::select! {
        reason = connection.ended() => return Some(reason),
        started = begin(start, crew) => started,
    };
    if let Err(problem) = started {
        error!("the plugin cannot start: {problem}");
        let told = tell_rest(host, &connection);
        tokio::time::timeout(LAST_WORDS, told).await.ok();
        connection.close(Duration::ZERO).await;
        return None;
    }
    host.started();
    Some(connection.ended().await)
}

/// The exit code for the end of a session; of an error both this process's standard error and the
/// host are told.
async fn end(name: &str, reason: Option<Disconnected>, session: JoinHandle<()>) -> u8 {
    let Some(reason) = reason else {
        return EXIT_SOFTWARE;
    };
    if !reason.is_failure() {
        return 0;
    }
    explain::say(&format!("{name}: {reason}"));
    // It may have to wait for others who write.
    tokio::time::timeout(LAST_WORDS, session).await.ok();
    EXIT_PROTOCOL
}

/// Settings under which a host is never given up that is there but does nothing: it may have been
/// stopped, and its end is certain to be heard of.
fn config(name: &str, version: &str) -> Config {
    let mut config = Config {
        identity: Identity::new(name, version, ""),
        ..Config::default()
    };
    for limit in [
        &mut config.handshake_timeout,
        &mut config.read_timeout,
        &mut config.write_timeout,
        &mut config.heartbeat_interval,
    ] {
        *limit = Duration::MAX;
    }
    config
}

/// Runs what runs first; says why it failed.
async fn begin(start: Option<Start>, crew: &Arc<Crew>) -> Result<(), String> {
    let Some(start) = start else {
        return Ok(());
    };
    let started = tokio::spawn(crew.run(None, &Arc::default(), start));
    match started.await {
        Ok(started) => started.map_err(|error| explain::chain(&*error)),
        Err(_) => Err("it panicked".to_owned()),
    }
}

/// Sends log records as there is room for them.
async fn tell_logs(host: Host, connection: Connection) {
    while connection
        .send_event(LOG, &host.logs().next().await)
        .await
        .is_ok()
    {}
}

/// Sends those that are there.
async fn tell_rest(host: &Host, connection: &Connection) -> Result<(), CallError> {
    while let Some(record) = host.logs().take() {
        connection.send_event(LOG, &record).await?;
    }
    Ok(())
}

/// Tells the host when readiness changes.
async fn tell_readiness(mut readiness: watch::Receiver<Ready>, connection: Connection) {
    while readiness.changed().await.is_ok() {
        let now = readiness.borrow_and_update().clone();
        if connection.send_event(READY, &now).await.is_err() {
            return;
        }
    }
}

/// Says goodbye when this process is asked to end; what else there is of signals is the host's.
async fn obey_signals(connection: Connection) {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return warn!(%error, "signals are not heard"),
    };
    loop {
        if signals.next().await == Caught::Terminate {
            connection.begin_closing(PATIENCE, "the plugin was told to end");
        }
    }
}

/// Whether the host was gone.
fn is_end(error: &io::Error) -> bool {
    let kinds = [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::ConnectionReset,
    ];
    kinds.contains(&error.kind())
}

/// What is under way has this long when the process is asked to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Why the plugin ends has this long to be told.
const LAST_WORDS: Duration = Duration::from_millis(400);
