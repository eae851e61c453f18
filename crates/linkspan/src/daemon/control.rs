//! Questions about the daemon itself, and wishes that it end.

use std::time::Duration;

use crate::daemon::EndReason;
use crate::daemon::connection::Connection;
use crate::daemon::core::Core;
use crate::daemon::wire::{
    ControlReply, ControlRequest, DaemonState, DaemonStatus, FromDaemon, LogTail,
    MAX_CONTROL_BYTES, Verb,
};
use crate::transport::Peer;

/// Answers a question; it works however many commands run.
pub(super) fn answer(core: &Core, connection: &Connection, peer: &Peer, request: &ControlRequest) {
    let mut reply = ControlReply::new(request.verb);
    reply.identity = Some(core.facts.identity());
    match core.rights.control(peer, request.verb) {
        Ok(()) => reply_to(core, request, &mut reply),
        Err(barred) => {
            core.counters.barred(&barred);
            reply.error = Some(barred.into_message());
        }
    }
    connection
        .outlet
        .send([FromDaemon::Control(Box::new(reply))]);
}

fn reply_to(core: &Core, request: &ControlRequest, reply: &mut ControlReply) {
    match request.verb {
        Verb::Identify => {}
        Verb::Status => reply.status = Some(status(core)),
        Verb::Logs => match logs(core, request.tail_bytes) {
            Ok(log) => {
                reply.log = Some(log);
                reply.identity = None;
            }
            Err(error) => reply.error = Some(error),
        },
        verb => match EndReason::of(verb) {
            Some(EndReason::Restart) if !core.facts.can_restart => {
                reply.error = Some("this daemon cannot be restarted from here".to_owned());
            }
            Some(reason) => {
                core.request_end(reason, request.drain_ms.map(Duration::from_millis));
            }
            None => reply.error = Some("this verb is not known".to_owned()),
        },
    }
}

pub(super) fn status(core: &Core) -> DaemonStatus {
    let stats = core.stats();
    let count = |count: usize| count as u64;
    DaemonStatus {
        state: match core.is_draining() {
            true => DaemonState::Draining,
            false => DaemonState::Accepting,
        },
        started_ms: core.facts.started_ms,
        idle_ms: u64::try_from(core.idle().as_millis()).unwrap_or(u64::MAX),
        connections: count(stats.connections),
        commands: count(stats.commands),
        commands_total: stats.accepted,
        busy_total: stats.busy,
        crashes: core.facts.startup.crashes(),
        memory_bytes: os::resident_memory_bytes().unwrap_or_default(),
        stuck: count(stats.stuck),
        aborted_total: stats.aborted,
        startup: core.facts.startup.to_string(),
    }
}

fn logs(core: &Core, tail_bytes: Option<u32>) -> Result<LogTail, String> {
    let Some(logs) = &core.facts.logs else {
        return Err("this daemon has no log file".to_owned());
    };
    let wanted = tail_bytes.unwrap_or(TAIL_BYTES).min(MOST_TAIL_BYTES);
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut log = logs(wanted).map_err(|error| error.to_string())?;
    let surplus = log.tail.len().saturating_sub(wanted);
    log.tail = log.tail.slice(surplus..);
    Ok(log)
}

/// What is sent of a log if nobody says how much.
const TAIL_BYTES: u32 = 16 * 1024;
/// What fits into a frame beside the log's path.
const MOST_TAIL_BYTES: u32 = MAX_CONTROL_BYTES - 8 * 1024;
