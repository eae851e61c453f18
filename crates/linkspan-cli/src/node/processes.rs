//! The machine's process table, and what changes in it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind, Users};

use crate::node::wire::{Change, Process, ProcessEvent};

/// What was seen of the process table so far.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    users: Option<Users>,
    known: Table,
    has_looked: bool,
}

/// Processes by pid.
type Table = BTreeMap<u32, Process>;

impl Processes {
    /// Reads the table; gives what is new since the last time.
    pub(crate) fn look(&mut self) -> Vec<ProcessEvent> {
        let users = self
            .users
            .get_or_insert_with(Users::new_with_refreshed_list);
        let what = ProcessRefreshKind::nothing()
            .with_memory()
            .with_user(UpdateKind::Always)
            .with_cmd(UpdateKind::Always)
            .without_tasks();
        // One that is kept never learns that a process has become another program.
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let processes = system
            .processes()
            .values()
            .map(|process| describe(process, users));
        let now = processes.map(|process| (process.pid, process)).collect();
        let appeared = if self.has_looked {
            Change::Started
        } else {
            Change::Present
        };
        self.has_looked = true;
        let before = std::mem::replace(&mut self.known, now);
        differences(before, &self.known, appeared)
    }
}

/// What has to be told so that somebody who knows `before` knows `now`.
fn differences(mut before: Table, now: &Table, appeared: Change) -> Vec<ProcessEvent> {
    let mut events = Vec::new();
    for (pid, process) in now {
        let is_known = before
            .get(pid)
            .is_some_and(|old| is_same_process(old, process));
        let old = if is_known { before.remove(pid) } else { None };
        let event = match old {
            None => appeared,
            Some(old) if says_the_same(&old, process) => continue,
            Some(_) => Change::Changed,
        };
        events.push(ProcessEvent {
            event,
            process: process.clone(),
        });
    }
    // A pid must be free before it can be taken again.
    let ended = before.into_values().map(|process| ProcessEvent {
        event: Change::Ended,
        process,
    });
    ended.chain(events).collect()
}

/// Whether it is one process, and not a later one with the same pid.
///
/// The system counts from its own start, whose time moves a little when the clock is corrected.
fn is_same_process(one: &Process, other: &Process) -> bool {
    one.started_at.abs_diff(other.started_at) <= CLOCK_CORRECTION_SECONDS
}

/// Whether nothing has changed that is worth telling; memory changes all the time.
fn says_the_same(one: &Process, other: &Process) -> bool {
    let facts = |process: &Process| {
        let Process {
            parent,
            name,
            user,
            command,
            ..
        } = process.clone();
        (parent, name, user, command)
    };
    facts(one) == facts(other)
}

fn describe(process: &sysinfo::Process, users: &Users) -> Process {
    let text = |text: &OsString| text.to_string_lossy().into_owned();
    let user = process.user_id().map(|id| match users.get_user_by_id(id) {
        Some(user) => user.name().to_owned(),
        None => id.to_string(),
    });
    Process {
        pid: process.pid().as_u32(),
        parent: process.parent().map(sysinfo::Pid::as_u32),
        name: process.name().to_string_lossy().into_owned(),
        user,
        command: process.cmd().iter().map(text).collect(),
        started_at: process.start_time(),
        memory_bytes: process.memory(),
    }
}

const CLOCK_CORRECTION_SECONDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, started_at: u64, name: &str) -> Process {
        Process {
            pid,
            parent: None,
            name: name.to_owned(),
            user: None,
            command: Vec::new(),
            started_at,
            memory_bytes: 0,
        }
    }

    fn table(processes: &[Process]) -> Table {
        processes
            .iter()
            .map(|process| (process.pid, process.clone()))
            .collect()
    }

    #[test]
    fn differences_tell_what_started_changed_and_ended() {
        let before = table(&[
            process(1, 1, "init"),
            process(2, 5, "sh"),
            process(3, 5, "gone"),
        ]);
        let mut grown = process(1, 1, "init");
        grown.memory_bytes = 4096;
        // The clock was corrected meanwhile.
        grown.started_at += 1;
        let now = table(&[grown, process(2, 5, "cargo"), process(4, 9, "new")]);
        let told: Vec<_> = differences(before, &now, Change::Started)
            .into_iter()
            .map(|event| (event.event, event.process.pid))
            .collect();
        assert_eq!(
            told,
            [
                (Change::Ended, 3),
                (Change::Changed, 2),
                (Change::Started, 4)
            ]
        );
    }

    #[test]
    fn a_pid_that_is_used_again_ends_and_starts() {
        let before = table(&[process(7, 1, "old")]);
        let now = table(&[process(7, 200, "new")]);
        let told: Vec<_> = differences(before, &now, Change::Started)
            .into_iter()
            .map(|event| (event.event, event.process.name))
            .collect();
        let expected = [
            (Change::Ended, "old".to_owned()),
            (Change::Started, "new".to_owned()),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_table_holds_this_process() {
        if linkspan_test::wine::is_gap("sysinfo is given a null list of a user's groups") {
            return;
        }
        let mut processes = Processes::default();
        let own = std::process::id();
        let first = processes.look();
        let own = first.iter().find(|event| event.process.pid == own).unwrap();
        assert_eq!(own.event, Change::Present);
        assert!(!own.process.command.is_empty());
    }
}
