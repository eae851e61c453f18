//! Processes of a plugin that run the same bytes, and are started and stopped together.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::plugin::Verified;
use crate::plugin::host::RunError;
use crate::plugin::host::board::Facts;
use crate::plugin::host::crashes::Crashes;
use crate::plugin::host::gate::Gate;
use crate::plugin::host::launch::Image;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::slot::Slot;

/// Processes of a plugin that run the same bytes. When it is dropped, they are told to stop.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) plan: Arc<Plan>,
}

/// What all processes of a generation have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) generation: u64,
    pub(super) facts: Arc<Facts>,
    pub(super) image: Image,
    /// What its plugin may do towards this host.
    pub(super) gate: Gate,
    pub(super) crashes: Mutex<Crashes>,
    /// Whether all are to end in order.
    pub(super) stop: watch::Sender<bool>,
    /// Whether the first failure is the end of it, as others do its work until it is up.
    pub(super) is_trial: AtomicBool,
}

impl Plan {
    /// Prepares what runs, which reads and copies all files of the plugin.
    pub(super) async fn prepare(
        shared: &Arc<Shared>,
        verified: Verified,
        generation: u64,
        is_trial: bool,
    ) -> Result<Self, RunError> {
        let facts = Facts::of(&verified);
        let house = Arc::clone(&shared.house);
        let preparing = move || Image::prepare(&verified, &house.copies()?);
        let image = tokio::task::spawn_blocking(preparing).await;
        let image = image.map_err(|_| RunError::Unloaded)??;
        let grants = shared.terms.grants_for(&facts.manifest);
        let config = &shared.house.config;
        let around = Arc::clone(&config.surroundings);
        let gate = Gate::new(&shared.name, &grants, around, config.gate.clone());
        let restart = shared.terms.restart_for(&facts.manifest);
        Ok(Self {
            generation,
            facts,
            image,
            gate,
            crashes: Mutex::new(Crashes::new(restart)),
            stop: watch::Sender::new(false),
            is_trial: AtomicBool::new(is_trial),
        })
    }
}

impl Generation {
    /// Begins to start all of its processes.
    pub(super) fn start(shared: &Arc<Shared>, plan: Plan) -> Result<Self, RunError> {
        let plan = Arc::new(plan);
        let instances = shared.terms.instances_for(&plan.facts.manifest);
        // All places are there before the first of them can have come to an end.
        let slots: Vec<_> = (0..instances)
            .map(|number| Slot::new(shared, &plan, number))
            .collect();
        for slot in slots {
            if !shared.spawn(slot.run()) {
                return Err(RunError::Unloaded);
            }
        }
        Ok(Self { plan })
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.plan.stop.send_replace(true);
    }
}
