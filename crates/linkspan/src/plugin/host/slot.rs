//! A place for a process of a plugin: started, watched, and started again when it has ended.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock;
use crate::plugin::host::board::{Board, SlotState};
use crate::plugin::host::crashes::Next;
use crate::plugin::host::generation::Plan;
use crate::plugin::host::opening::{FLUSH, Opened, open};
use crate::plugin::host::parting::{Why, part};
use crate::plugin::host::patience::within;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{Cause, Ending, RunError, pulse};

/// A place for a process of a plugin. Dropped, it ends the process that is there at once.
#[derive(Debug)]
pub(super) struct Slot {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    number: u32,
    stopped: watch::Receiver<bool>,
}

impl Slot {
    pub(super) fn new(shared: &Arc<Shared>, plan: &Arc<Plan>, number: u32) -> Self {
        let slot = Self {
            shared: Arc::clone(shared),
            plan: Arc::clone(plan),
            number,
            stopped: plan.stop.subscribe(),
        };
        slot.set(SlotState::Starting);
        slot
    }

    /// Keeps a process there until it is to stop, has done its work or is given up.
    pub(super) async fn run(mut self) {
        loop {
            let ending = self.live().await;
            if *self.stopped.borrow() {
                return self.note_stop(ending);
            }
            self.note(ending.clone());
            let pause = match self.next(&ending) {
                Ok(Some(pause)) => pause,
                Ok(None) => return,
                Err(error) => return self.give_up(error),
            };
            let now = SystemTime::now();
            let until = now.checked_add(pause).unwrap_or(now);
            self.set(SlotState::Waiting(until));
            if self.is_stopped_within(pause).await {
                return;
            }
            self.shared.update(|board| board.restarts += 1);
            self.set(SlotState::Starting);
        }
    }

    /// Starts a process and watches it until its end.
    async fn live(&mut self) -> Ending {
        let began = clock::now();
        let mut stopped = self.stopped.clone();
        let opened = tokio::select! {
            biased;
            () = stop(&mut stopped) => Err(RunError::Stopped),
            opened = open(&self.shared, &self.plan, self.number) => opened,
        };
        match opened {
            Ok(opened) => self.watch(opened).await,
            Err(error) => Ending {
                last_words: error.last_words().to_vec(),
                ..self.ending(began, Cause::NotRun(error))
            },
        }
    }

    async fn watch(&mut self, opened: Opened) -> Ending {
        let Opened {
            instance,
            end,
            reading,
            listening,
        } = opened;
        info!(
            plugin = %self.shared.name,
            instance = self.number,
            pid = instance.pid,
            "plugin is ready"
        );
        let terms = Arc::clone(&self.shared.terms);
        self.set(SlotState::Up(Arc::clone(&instance)));
        let why = tokio::select! {
            biased;
            () = stop(&mut self.stopped) => Why::Asked,
            _ = end.ended() => Why::Ended,
            reason = instance.connection.ended() => Why::Disconnected(reason),
            limit = pulse::lost(&instance.connection, terms.liveness_timeout) => Why::Silent(limit),
        };
        self.set(SlotState::Stopping(Arc::clone(&instance)));
        drop(listening);
        let cause = part(&instance, &end, &terms, why).await;
        within(FLUSH, reading.ended()).await;
        let ending = Ending {
            pid: Some(instance.pid),
            last_words: reading.last_lines(),
            ..self.ending(instance.began, cause)
        };
        instance.set_fate(&ending);
        ending
    }

    fn ending(&self, began: Instant, cause: Cause) -> Ending {
        Ending {
            instance: self.number,
            pid: None,
            at: SystemTime::now(),
            ran: clock::now().saturating_duration_since(began),
            last_words: Vec::new(),
            cause,
        }
    }

    fn note(&self, ending: Ending) {
        let (plugin, instance) = (&self.shared.name, self.number);
        // As text it is escaped: parts of it are the plugin's own words.
        let reason = &*ending.to_string();
        match ending.is_failure() {
            true => warn!(%plugin, instance, reason, "plugin failed"),
            false => info!(%plugin, instance, reason, "plugin has ended"),
        }
        self.shared.update(|board| board.last_end = Some(ending));
    }

    /// What was stopped on its way up has not ended.
    fn note_stop(&self, ending: Ending) {
        if !matches!(ending.cause, Cause::NotRun(RunError::Stopped)) {
            self.note(ending);
        }
    }

    /// After which pause it is started again, if it is.
    fn next(&self, ending: &Ending) -> Result<Option<Duration>, RunError> {
        if let Cause::NotRun(error) = &ending.cause
            && (self.plan.is_trial.load(Ordering::Relaxed) || !error.is_passing())
        {
            return Err(error.clone());
        }
        let mut crashes = self
            .plan
            .crashes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match crashes.handle_end(clock::now(), ending.ran, ending.is_failure()) {
            Next::Start(pause) => Ok(Some(pause)),
            Next::Rest => Ok(None),
            Next::GiveUp(count) => Err(RunError::GivenUp {
                crashes: count,
                window: crashes.window(),
                last: Box::new(ending.clone()),
            }),
        }
    }

    /// Has the whole generation end.
    fn give_up(&self, error: RunError) {
        let reason = &*error.to_string();
        warn!(plugin = %self.shared.name, reason, "plugin is given up");
        let generation = self.plan.generation;
        self.shared.update(|board| board.blame(generation, error));
        self.plan.stop.send_replace(true);
    }

    async fn is_stopped_within(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, stop(&mut self.stopped))
            .await
            .is_ok()
    }

    fn set(&self, state: SlotState) {
        let key = (self.plan.generation, self.number);
        self.shared.update(|board| drop(board.set(key, state)));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let key = (self.plan.generation, self.number);
        self.shared.update(|board: &mut Board| {
            let left = board.remove(key);
            if let Some(instance) = left.as_ref().and_then(SlotState::instance) {
                instance.kill();
            }
        });
    }
}

/// Waits until the generation is to stop.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // The slot's own plan keeps what says so.
    stopped.wait_for(|stopped| *stopped).await.ok();
}
