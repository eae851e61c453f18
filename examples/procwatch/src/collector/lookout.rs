//! What is looked for, and what was found of it already.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::time::SystemTime;

use procwatch::wire::{ALERT, ENDED, Event, Found, Kind, Process, Rule, STARTED, Task};

use crate::table::{Key, Table};

/// The process table, and the tasks for which it is watched.
#[derive(Debug)]
pub(crate) struct Lookout {
    table: Table,
    standing: BTreeMap<String, Standing>,
}

/// A task that goes on.
#[derive(Debug)]
struct Standing {
    rules: Vec<Rule>,
    /// The processes that fit at the last look, for which there was an alert.
    fitting: HashSet<Key>,
}

impl Lookout {
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(Self {
            table: Table::look()?,
            standing: BTreeMap::new(),
        })
    }

    /// Takes a task, and says what fits it now.
    pub(crate) fn handle(&mut self, task: Task) -> Found {
        let mut fitting: Vec<_> = fitting(&self.table, &task.rules).collect();
        fitting.sort_by_key(|(key, ..)| *key);
        let found = Found {
            processes: fitting
                .iter()
                .map(|(_, process, _)| (*process).clone())
                .collect(),
            examined: u32::try_from(self.table.processes().count()).unwrap_or(u32::MAX),
        };
        let fitting = fitting.into_iter().map(|(key, ..)| key).collect();
        match task.is_standing && !task.rules.is_empty() {
            true => {
                let rules = task.rules;
                self.standing.insert(task.id, Standing { rules, fitting });
            }
            false => drop(self.standing.remove(&task.id)),
        }
        found
    }

    /// Looks at the processes once more, and tells what has happened, by topics.
    pub(crate) fn look(&mut self) -> io::Result<Vec<(String, Event)>> {
        let changes = self.table.look_again()?;
        let at_ms = now_ms();
        let event = |kind, process, rule| Event {
            kind,
            at_ms,
            process,
            rule,
        };
        let mut events = Vec::new();
        for process in changes.started {
            events.push((STARTED.to_owned(), event(Kind::Started, process, None)));
        }
        for process in changes.ended {
            events.push((ENDED.to_owned(), event(Kind::Ended, process, None)));
        }
        for (id, standing) in &mut self.standing {
            for (process, rule) in standing.look(&self.table) {
                let alert = event(Kind::Alert, process, Some(rule));
                events.push((format!("{ALERT}/{id}"), alert));
            }
        }
        Ok(events)
    }
}

impl Standing {
    /// The processes that fit and did not at the last look, each with the rule that it fits.
    fn look(&mut self, table: &Table) -> Vec<(Process, String)> {
        let mut now = HashSet::new();
        let mut new = Vec::new();
        for (key, process, rule) in fitting(table, &self.rules) {
            now.insert(key);
            if !self.fitting.contains(&key) {
                new.push((process.clone(), rule.to_string()));
            }
        }
        self.fitting = now;
        new
    }
}

/// The processes that fit one of some rules, with the first that each fits.
fn fitting<'a>(
    table: &'a Table,
    rules: &'a [Rule],
) -> impl Iterator<Item = (Key, &'a Process, &'a Rule)> {
    table.processes().filter_map(|(key, process)| {
        let rule = rules.iter().find(|rule| rule.fits(process))?;
        Some((key, process, rule))
    })
}

fn now_ms() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
