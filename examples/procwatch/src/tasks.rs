//! Detection tasks at the collector, by exchange over a connection of their own.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linkspan::auth::Principal;
use linkspan::exchange::{Client, ClientConfig, ExchangeError};
use linkspan::plugin::host::Descriptor;
use linkspan::transport::Connected;
use procwatch::wire::{ALERT, Found, Rule, Task};
use tokio::runtime::Handle;

use crate::Failure;

/// Detection tasks. A collector that was started again is given those that go on.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    state: Mutex<State>,
    number: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was started last.
    collector: Option<Client>,
    standing: Vec<Task>,
}

/// A task that goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct Standing {
    tasks: Arc<Tasks>,
    task: Task,
}

impl Tasks {
    /// Makes the connection of a collector that is being started; gives its end.
    pub(crate) fn connect(&self) -> io::Result<Descriptor> {
        let (ours, theirs) = Connected::pair(Principal::named("collector"))?;
        let collector = Client::over(ours, ClientConfig::default());
        let mut state = self.lock();
        state.collector = Some(collector.clone());
        let standing = state.standing.clone();
        tokio::spawn(async move {
            for task in standing {
                // If it has ended meanwhile, the next one is told.
                ask(&collector, &task).await.ok();
            }
        });
        Ok(theirs)
    }

    /// The processes that fit a rule now.
    pub(crate) async fn find(&self, rule: Rule) -> Result<Found, Failure> {
        let task = self.task(vec![rule], false);
        self.ask(&task).await
    }

    /// Takes note of a task that goes on; the collector is told when it [begins](Standing::begin).
    pub(crate) fn stand(self: &Arc<Self>, rules: Vec<Rule>) -> Standing {
        let task = self.task(rules, true);
        self.lock().standing.push(task.clone());
        let tasks = Arc::clone(self);
        Standing { tasks, task }
    }

    /// Those that go on.
    pub(crate) fn standing(&self) -> Vec<Task> {
        self.lock().standing.clone()
    }

    fn task(&self, rules: Vec<Rule>, is_standing: bool) -> Task {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        Task {
            id: number.to_string(),
            rules,
            is_standing,
        }
    }

    async fn ask(&self, task: &Task) -> Result<Found, Failure> {
        let collector = self.lock().collector.clone();
        let collector = collector.ok_or("there is no collector")?;
        Ok(ask(&collector, task).await?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Where its alerts are published.
    pub(crate) fn topic(&self) -> String {
        format!("{ALERT}/{}", self.task.id)
    }

    /// Tells the collector of it; gives what fits already.
    pub(crate) async fn begin(&self) -> Result<Found, Failure> {
        self.tasks.ask(&self.task).await
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let mut state = self.tasks.lock();
        state.standing.retain(|task| task.id != self.task.id);
        let mut over = self.task.clone();
        over.rules.clear();
        // Without a runtime this process is about to end.
        if let (Some(collector), Ok(runtime)) = (state.collector.clone(), Handle::try_current()) {
            runtime.spawn(async move { ask(&collector, &over).await });
        }
    }
}

async fn ask(collector: &Client, task: &Task) -> Result<Found, ExchangeError> {
    collector.message(task).idempotent().receive().await
}
