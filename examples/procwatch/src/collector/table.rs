//! The process table, as `/proc` shows it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::Instant;

use procwatch::wire::Process;

/// The processes of the machine at the last look.
#[derive(Debug)]
pub(crate) struct Table {
    known: HashMap<Key, Known>,
    looked: Instant,
}

/// Which process it is: its number, and when it was started, as numbers are used again.
pub(crate) type Key = (u32, u64);

#[derive(Debug)]
struct Known {
    process: Process,
    cpu_ticks: u64,
}

/// What has changed from one look to the next.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) started: Vec<Process>,
    pub(crate) ended: Vec<Process>,
}

impl Table {
    /// Looks for the first time.
    pub(crate) fn look() -> io::Result<Self> {
        Ok(Self {
            known: processes()?,
            looked: Instant::now(),
        })
    }

    /// Looks again.
    pub(crate) fn look_again(&mut self) -> io::Result<Changes> {
        let mut now = processes()?;
        let ticks = self.looked.elapsed().as_millis() / TICK_MS;
        let mut changes = Changes::default();
        for (key, found) in &mut now {
            let before = self.known.remove(key);
            let spent = found.cpu_ticks
                - before
                    .as_ref()
                    .map_or(0, |it| it.cpu_ticks.min(found.cpu_ticks));
            let percent = u128::from(spent) * 100 / ticks.max(1);
            found.process.cpu_percent = u32::try_from(percent).unwrap_or(u32::MAX);
            if before.is_none() {
                changes.started.push(found.process.clone());
            }
        }
        // Those that are still there were taken out.
        let ended = self.known.drain().map(|(_, known)| known.process);
        changes.ended = ended.collect();
        (self.known, self.looked) = (now, Instant::now());
        Ok(changes)
    }

    /// All processes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (Key, &Process)> {
        let known = self.known.iter();
        known.map(|(key, known)| (*key, &known.process))
    }
}

fn processes() -> io::Result<HashMap<Key, Known>> {
    let entries = fs::read_dir("/proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(process).collect())
}

/// A process by its number, if it has not ended meanwhile.
fn process(pid: u32) -> Option<(Key, Known)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses, and may contain some.
    let (start, rest) = stat.rsplit_once(") ")?;
    let (_, name) = start.split_once('(')?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let process = Process {
        pid,
        parent: u32::try_from(number(PARENT)?).ok()?,
        name: name.to_owned(),
        cpu_percent: 0,
        memory_kib: memory_kib(pid).unwrap_or_default(),
    };
    let known = Known {
        process,
        cpu_ticks: number(USER_TIME)? + number(SYSTEM_TIME)?,
    };
    Some(((pid, number(STARTED)?), known))
}

/// Memory of a process, in KiB; threads of the kernel have none.
fn memory_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

// Which fields these are of those behind the name.
const PARENT: usize = 1;
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const STARTED: usize = 19;
/// Linux counts processor times in hundredths of a second.
const TICK_MS: u128 = 10;
