//! From a plan to a process that was started, has said what it is, and is ready.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use os::sandbox::Running;

use crate::clock;
use crate::plugin::host::description::check;
use crate::plugin::host::gate::Listening;
use crate::plugin::host::generation::Plan;
use crate::plugin::host::instance::{Instance, Parts, Readiness};
use crate::plugin::host::launch::Launched;
use crate::plugin::host::logs::Reading;
use crate::plugin::host::patience::within;
use crate::plugin::host::pulse::ROUNDS;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::words::{ask, cut};
use crate::plugin::host::{RunError, StartError};
use crate::plugin::wire::{DESCRIBE, LOG, READY};
use crate::plugin::{Describe, LogLevel, LogRecord, Ready};
use crate::rpc::Router;
use crate::session::{Config, Connection};
use crate::transport::{Connected, EndOf};

/// A process that is ready.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) instance: Arc<Instance>,
    pub(super) end: EndOf,
    pub(super) reading: Reading,
    pub(super) listening: Listening,
}

/// Starts a process, and waits until it is ready. If the future is dropped, nothing is left of it.
pub(super) async fn open(
    shared: &Arc<Shared>,
    plan: &Arc<Plan>,
    number: u32,
) -> Result<Opened, RunError> {
    let opening = Opening {
        shared,
        plan,
        number,
    };
    let began = clock::now();
    let limit = shared.terms.start_timeout;
    let (connected, launched) = within(limit, opening.launch())
        .await
        .ok_or(RunError::TimedOut { limit })??;
    let end = EndOf::new(&launched.running).map_err(RunError::system("watch the process"))?;
    let Launched {
        running,
        output,
        files,
    } = launched;
    let reading = shared.logs.read(number, output);
    let reading = reading.map_err(RunError::system("read what the process writes"))?;
    let readiness = Arc::new(Readiness::default());
    match opening.greet(connected, &readiness).await {
        Ok((connection, listening)) => {
            let parts = Parts {
                running,
                connection,
                readiness,
                files,
                began,
            };
            Ok(Opened {
                instance: Arc::new(Instance::new(number, parts)),
                end,
                reading,
                listening,
            })
        }
        Err(error) => Err(opening.fail(running, &end, &reading, error).await),
    }
}

/// A process of a plugin on its way up.
struct Opening<'a> {
    shared: &'a Arc<Shared>,
    plan: &'a Arc<Plan>,
    number: u32,
}

impl Opening<'_> {
    /// Starts the process with one end of a pair.
    async fn launch(&self) -> Result<(Connected, Launched), RunError> {
        let pair = Connected::pair(self.plan.gate.principal().clone());
        let (ours, theirs) = pair.map_err(RunError::system("connect a pair of sockets"))?;
        let (plan, terms) = (Arc::clone(self.plan), Arc::clone(&self.shared.terms));
        let number = self.number;
        let untrusted = self.shared.house.writable_by_others(&self.shared.name);
        let launching = move || plan.image.launch(&terms, number, theirs, untrusted);
        let launched = tokio::task::spawn_blocking(launching).await;
        Ok((ours, launched.map_err(|_| RunError::Unloaded)??))
    }

    /// Agrees on a session, has the plugin say what it is, and waits until it is ready.
    async fn greet(
        &self,
        connected: Connected,
        readiness: &Arc<Readiness>,
    ) -> Result<(Connection, Listening), RunError> {
        let limit = self.shared.terms.start_timeout;
        let introduced = within(limit, self.introduce(connected, readiness)).await;
        let (connection, events) = introduced.ok_or(RunError::TimedOut { limit })??;
        let manifest = &self.plan.facts.manifest;
        let limit = self.shared.terms.ready_timeout_for(manifest);
        let ready = within(limit, async {
            tokio::select! {
                biased;
                () = readiness.ready() => Ok(()),
                reason = connection.ended() => Err(RunError::Lost(reason)),
            }
        });
        ready.await.unwrap_or_else(|| {
            let reason = readiness.latest().unwrap_or_default().reason;
            Err(RunError::NotReady { limit, reason })
        })?;
        let limit = self.shared.terms.start_timeout;
        let listening = within(limit, self.plan.gate.listen(&connection, &events)).await;
        let listening = listening.ok_or(RunError::TimedOut { limit })?;
        self.tell_denied(listening.denied());
        Ok((connection, listening))
    }

    /// Gives the connection, and what the plugin wants to hear of.
    async fn introduce(
        &self,
        connected: Connected,
        readiness: &Arc<Readiness>,
    ) -> Result<(Connection, Vec<String>), RunError> {
        let config = Arc::new(self.session());
        let own = Arc::new(self.own(readiness));
        let handler = self.plan.gate.handler(own);
        let connection = Connection::over(connected, &config, handler).await?;
        let described = ask(&connection, DESCRIBE).await;
        let description: Describe = described.map_err(RunError::Describe)?;
        check(&self.plan.facts.manifest, &description)?;
        let ready = ask(&connection, READY).await;
        readiness.note_first(ready.map_err(RunError::Describe)?);
        Ok((connection, description.events))
    }

    /// Says what it does not hear of; the first ones stand for all.
    fn tell_denied(&self, masks: &[String]) {
        let note = |text: String| self.shared.logs.note(self.number, LogLevel::Warn, text);
        for mask in masks.iter().take(MAX_TOLD) {
            note(format!("was not granted to hear of {}", cut(mask.clone())));
        }
        if let more @ 1.. = masks.len().saturating_sub(MAX_TOLD) {
            note(format!("was not granted to hear of {more} others"));
        }
    }

    /// Settings of the session: how long the plugin may be silent is counted by one clock only, which
    /// is fair to jumps.
    fn session(&self) -> Config {
        let mut config = self.shared.house.config.session.clone();
        let silence = self.shared.terms.liveness_timeout.unwrap_or(FOREVER);
        config.handshake_timeout = FOREVER;
        config.heartbeat_interval = silence / ROUNDS;
        config.heartbeat_misses = ROUNDS - 1;
        config.read_timeout = config.read_timeout.max(silence);
        config.write_timeout = config.write_timeout.max(silence);
        config
    }

    /// What takes what the plugin says of itself.
    fn own(&self, readiness: &Arc<Readiness>) -> Router {
        let (readiness, plugin) = (Arc::clone(readiness), Arc::downgrade(self.shared));
        let (logs, number) = (self.shared.logs.clone(), self.number);
        Router::new()
            .on_event(READY, move |ready: Ready, _| {
                if readiness.note(ready)
                    && let Some(plugin) = plugin.upgrade()
                {
                    // Calls may wait for that.
                    plugin.update(|_| ());
                }
                future::ready(())
            })
            .on_event(LOG, move |record: LogRecord, _| {
                logs.record(number, record);
                future::ready(())
            })
    }

    /// Ends a process that did not come up, and says why it did not.
    async fn fail(
        &self,
        mut running: Running,
        end: &EndOf,
        reading: &Reading,
        error: RunError,
    ) -> RunError {
        let limit = self.shared.terms.exit_timeout;
        if error.may_be_end() && within(limit, end.ended()).await.is_some() {
            let Ok(Some(exit)) = running.try_wait() else {
                return error;
            };
            within(FLUSH, reading.ended()).await;
            return StartError::ended(exit, reading.last_lines()).into();
        }
        running.kill().ok();
        within(limit, end.ended()).await;
        error
    }
}

/// Time to read what a process wrote that has ended.
pub(super) const FLUSH: Duration = Duration::from_secs(1);
/// Masks that are named which a process may not listen to.
const MAX_TOLD: usize = 16;
/// As good as no limit.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
