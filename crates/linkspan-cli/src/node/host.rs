//! The service `host`: what happens on the machine.

use std::time::Duration;

use linkspan::rpc::{CallError, StreamSender, Streaming};
use tokio::time::MissedTickBehavior;

use crate::node::processes::Processes;
use crate::node::wire::ProcessEvent;

/// The machine that the node runs on.
#[linkspan::service(name = "host", schema)]
pub(crate) trait Host {
    /// The processes of the machine: those that run now, then each that starts, changes or ends.
    ///
    /// It looks every `interval_ms` (1000 if it is not given, at least 100), and only once if
    /// `follow` is false.
    async fn processes(
        &self,
        interval_ms: Option<u64>,
        follow: Option<bool>,
    ) -> Result<Streaming<ProcessEvent>, CallError>;
}

/// The machine that this process runs on.
#[derive(Debug)]
pub(crate) struct ThisHost;

impl Host for ThisHost {
    async fn processes(
        &self,
        interval_ms: Option<u64>,
        follow: Option<bool>,
    ) -> Result<Streaming<ProcessEvent>, CallError> {
        let interval = interval_ms.map_or(USUAL_INTERVAL, Duration::from_millis);
        let (sender, events) = Streaming::channel(EVENTS_WAITING);
        // It ends when nobody reads the stream any more.
        tokio::spawn(watch(
            sender,
            interval.max(LEAST_INTERVAL),
            follow.unwrap_or(true),
        ));
        Ok(events)
    }
}

/// Looks at the processes again and again, as long as somebody wants to know.
async fn watch(sender: StreamSender<ProcessEvent>, interval: Duration, follow: bool) {
    let mut processes = Processes::default();
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = sender.closed() => return,
        }
        // Reading the table is many system calls.
        let looked = tokio::task::spawn_blocking(move || {
            let events = processes.look();
            (processes, events)
        });
        let Ok((same, events)) = looked.await else {
            return;
        };
        processes = same;
        for event in events {
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
        if !follow {
            return;
        }
    }
}

const USUAL_INTERVAL: Duration = Duration::from_secs(1);
const LEAST_INTERVAL: Duration = Duration::from_millis(100);
/// Events that wait for a slow reader; the table is not read again before they have gone.
const EVENTS_WAITING: usize = 64;
