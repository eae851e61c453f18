//! What is known of a plugin from moment to moment.

use std::collections::BTreeMap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::plugin::host::gate::Gate;
use crate::plugin::host::generation::Plan;
use crate::plugin::host::instance::{Instance, Lease};
use crate::plugin::host::{Balancing, Ending, InstanceStatus, RunError, State, Status};
use crate::plugin::{Digest, Manifest, Verified};

/// What is known of a plugin from moment to moment: where its processes are, and what follows.
#[derive(Debug)]
pub(super) struct Board {
    /// What runs, or ran last.
    pub(super) facts: Arc<Facts>,
    phase: Phase,
    /// What it does towards this host; none before it runs.
    pub(super) gate: Option<Gate>,
    /// The generation whose processes are called.
    pub(super) current: u64,
    pub(super) restarts: u64,
    pub(super) last_end: Option<Ending>,
    /// Why generations do not run: the current one, and the last that was tried.
    faults: BTreeMap<u64, RunError>,
    slots: BTreeMap<Key, SlotState>,
    state: State,
    since: SystemTime,
    /// Processes of the current generation, as far as they are up.
    up: Vec<Arc<Instance>>,
}

/// What files say of a plugin.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) manifest: Manifest,
    pub(super) digest: Digest,
    pub(super) path: PathBuf,
}

impl Facts {
    pub(super) fn of(verified: &Verified) -> Arc<Self> {
        Arc::new(Self {
            manifest: verified.manifest().clone(),
            digest: verified.digest(),
            path: verified.path().to_owned(),
        })
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing yet.
    Created,
    /// It is to run, and what runs is being copied.
    Preparing,
    /// It is to run.
    Active,
    /// It is to stop.
    Stopping,
    /// It has stopped.
    Stopped,
    /// It is unloaded, for ever.
    Unloaded,
}

/// A place for a process: its generation, and its number in that.
pub(super) type Key = (u64, u32);

/// What is in such a place.
#[derive(Debug)]
pub(super) enum SlotState {
    Starting,
    Up(Arc<Instance>),
    Stopping(Arc<Instance>),
    /// It is started again then.
    Waiting(SystemTime),
}

impl SlotState {
    pub(super) fn instance(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Up(instance) | Self::Stopping(instance) => Some(instance),
            Self::Starting | Self::Waiting(_) => None,
        }
    }
}

impl Board {
    pub(super) fn new(verified: &Verified) -> Self {
        Self {
            facts: Facts::of(verified),
            phase: Phase::Created,
            gate: None,
            current: 0,
            restarts: 0,
            last_end: None,
            faults: BTreeMap::new(),
            slots: BTreeMap::new(),
            state: State::Created,
            since: SystemTime::now(),
            up: Vec::new(),
        }
    }

    /// Puts something into a place; gives what was there.
    pub(super) fn set(&mut self, key: Key, state: SlotState) -> Option<SlotState> {
        self.slots.insert(key, state)
    }

    /// Takes a place away; gives what was there.
    pub(super) fn remove(&mut self, key: Key) -> Option<SlotState> {
        self.slots.remove(&key)
    }

    /// Goes over to another phase, unless there is none any more.
    pub(super) fn enter(&mut self, phase: Phase) {
        if self.phase != Phase::Unloaded {
            self.phase = phase;
        }
    }

    /// A generation is to run, and what was before does not count any more.
    pub(super) fn begin(&mut self, generation: u64) {
        self.enter(Phase::Preparing);
        self.current = generation;
        (self.restarts, self.last_end) = (0, None);
    }

    /// What there is to know of the generation whose processes are called from now on.
    pub(super) fn adopt(&mut self, plan: &Plan) {
        self.current = plan.generation;
        self.facts = Arc::clone(&plan.facts);
        self.gate = Some(plan.gate.clone());
    }

    /// Nothing more is to come.
    pub(super) fn unload(&mut self) {
        self.phase = Phase::Unloaded;
        for instance in mem::take(&mut self.slots)
            .values()
            .filter_map(SlotState::instance)
        {
            instance.kill();
        }
    }

    /// Draws the conclusions of what was changed.
    pub(super) fn settle(&mut self) {
        let current = self.slots.range(places(self.current));
        self.up = current
            .filter_map(|(_, slot)| match slot {
                SlotState::Up(instance) => Some(Arc::clone(instance)),
                _ => None,
            })
            .collect();
        let state = self.conclusion();
        if mem::replace(&mut self.state, state) != state {
            self.since = SystemTime::now();
        }
    }

    fn conclusion(&self) -> State {
        match self.phase {
            Phase::Created => State::Created,
            Phase::Preparing | Phase::Active if self.fault_of(self.current).is_some() => {
                State::Failed
            }
            Phase::Preparing => State::Starting,
            Phase::Active if !self.up.is_empty() => State::Running,
            Phase::Active => self.coming(),
            Phase::Stopping => State::Stopping,
            Phase::Stopped | Phase::Unloaded => State::Stopped,
        }
    }

    /// The state while no process is up.
    fn coming(&self) -> State {
        let current = self.slots.range(places(self.current));
        let states = current.map(|(_, slot)| match slot {
            SlotState::Waiting(_) => State::Crashed,
            _ => State::Starting,
        });
        states.fold(State::Stopped, |one, other| match (one, other) {
            (State::Starting, _) | (_, State::Starting) => State::Starting,
            _ => State::Crashed,
        })
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// A generation has failed; what was first is the reason.
    pub(super) fn blame(&mut self, generation: u64, error: RunError) {
        let current = self.current;
        self.faults
            .retain(|of, _| *of == current || *of == generation);
        self.faults.entry(generation).or_insert(error);
    }

    /// Why a generation does not run.
    pub(super) fn fault_of(&self, generation: u64) -> Option<&RunError> {
        self.faults.get(&generation)
    }

    /// Whether every process of a generation is up, of which there is one at least.
    pub(super) fn is_up(&self, generation: u64) -> bool {
        let mut slots = self.slots.range(places(generation)).peekable();
        slots.peek().is_some() && slots.all(|(_, slot)| matches!(slot, SlotState::Up(_)))
    }

    /// Whether nothing of a generation is left.
    pub(super) fn is_gone(&self, generation: u64) -> bool {
        self.slots.range(places(generation)).next().is_none()
    }

    /// Whether nothing at all is left.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All processes.
    pub(super) fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.slots.values().filter_map(SlotState::instance)
    }

    /// Processes that events go to.
    pub(super) fn up(&self) -> &[Arc<Instance>] {
        &self.up
    }

    /// The process that the next call goes to, if one takes calls.
    pub(super) fn choose(&self, balancing: Balancing, turn: &AtomicUsize) -> Option<Lease> {
        let turn = match self.up.len() {
            0 | 1 => 0,
            count => turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        let (before, from) = self.up.split_at_checked(turn)?;
        let mut in_turn = from.iter().chain(before).filter(|one| one.is_callable());
        let chosen = match balancing {
            Balancing::RoundRobin => in_turn.next(),
            Balancing::LeastLoaded => in_turn.min_by_key(|one| one.in_flight()),
        };
        chosen.map(Lease::new)
    }

    pub(super) fn status(&self) -> Status {
        let manifest = &self.facts.manifest;
        let waiting = self.slots.values().filter_map(|slot| match slot {
            SlotState::Waiting(until) => Some(*until),
            _ => None,
        });
        Status {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            path: self.facts.path.clone(),
            digest: self.facts.digest,
            state: self.state,
            since: self.since,
            instances: self.slots.values().filter_map(instance_status).collect(),
            restarts: self.restarts,
            next_start: waiting.min(),
            gate: self.gate.as_ref().map(Gate::stats).unwrap_or_default(),
            last_end: self.last_end.clone(),
            failure: self.fault_of(self.current).cloned(),
        }
    }
}

fn instance_status(slot: &SlotState) -> Option<InstanceStatus> {
    let instance = slot.instance()?;
    Some(InstanceStatus {
        number: instance.number,
        pid: instance.pid,
        since: instance.since,
        is_stopping: matches!(slot, SlotState::Stopping(_)),
        ready: instance.readiness.latest().unwrap_or_default(),
        calls: instance.calls(),
        in_flight: instance.in_flight(),
        applied: instance.applied.clone(),
        usage: instance.usage(),
    })
}

fn places(generation: u64) -> std::ops::RangeInclusive<Key> {
    (generation, 0)..=(generation, u32::MAX)
}
