//! What all who have to do with a plugin share.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Instant;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tracing::info;

use crate::clock;
use crate::plugin::host::board::Board;
use crate::plugin::host::generation::Generation;
use crate::plugin::host::house::House;
use crate::plugin::host::instance::Lease;
use crate::plugin::host::{Logs, Terms};
use crate::plugin::{PluginName, Verified};

/// A plugin, for its handles, its tasks and its host.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: PluginName,
    pub(super) terms: Arc<Terms>,
    pub(super) house: Arc<House>,
    pub(super) logs: Logs,
    pub(super) board: watch::Sender<Board>,
    /// Whoever has it starts and stops.
    pub(super) control: Mutex<Control>,
    /// Changes when it is to stop, whatever is under way.
    pub(super) interrupted: watch::Sender<u64>,
    /// What runs for it; none once it is unloaded.
    tasks: StdMutex<Option<JoinSet<()>>>,
    /// Whose turn it is.
    turn: AtomicUsize,
}

/// What is to run, and what runs.
#[derive(Debug)]
pub(super) struct Control {
    /// What it was loaded with, until that runs.
    pub(super) verified: Option<Verified>,
    pub(super) generation: Option<Generation>,
    generations: u64,
}

impl Control {
    /// The name of the next generation.
    pub(super) fn next_id(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }
}

impl Shared {
    pub(super) fn new(verified: Verified, terms: Terms, house: Arc<House>) -> Self {
        Self {
            name: verified.manifest().name.clone(),
            terms: Arc::new(terms),
            logs: Logs::new(house.config.logs.clone()),
            house,
            board: watch::Sender::new(Board::new(&verified)),
            control: Mutex::new(Control {
                verified: Some(verified),
                generation: None,
                generations: 0,
            }),
            interrupted: watch::Sender::default(),
            tasks: StdMutex::new(Some(JoinSet::new())),
            turn: AtomicUsize::new(0),
        }
    }

    /// Changes what is known of it, and tells all who wait.
    pub(super) fn update(&self, change: impl FnOnce(&mut Board)) {
        self.board.send_modify(|board| {
            let before = board.state();
            change(board);
            board.settle();
            let state = board.state();
            if state != before {
                info!(plugin = %self.name, %state, "plugin");
            }
        });
    }

    /// Runs something for it until it is unloaded; says whether that is still to come.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = tasks.as_mut() else {
            return false;
        };
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
        true
    }

    /// Ends everything of it at once.
    pub(super) fn end(&self) {
        let tasks = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(tasks);
        self.update(Board::unload);
        self.logs.close();
    }

    /// A process that takes a call now, or as soon as there is one; none at rest, or at the time.
    pub(super) async fn lease(&self, until: Instant) -> Option<Lease> {
        let choose = |board: &Board| board.choose(self.terms.balancing, &self.turn);
        let at_once = choose(&self.board.borrow());
        if at_once.is_some() {
            return at_once;
        }
        let mut board = self.board.subscribe();
        let mut lease = None;
        let waiting = board.wait_for(|board| {
            lease = choose(board);
            lease.is_some() || board.state().is_at_rest()
        });
        let left = until.saturating_duration_since(clock::now());
        drop(tokio::time::timeout(left, waiting).await);
        lease
    }
}
