//! What a daemon costs, idle and with many clients.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::machine::{anonymous_kib, megabytes, peak_kib, resident_kib};
use crate::program::{Program, Started, Task, verify};
use crate::scenarios::{Case, Commands, Effort, GIB, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "daemon-memory",
    title: "The memory of a daemon",
    text: "Resident memory (`VmRSS`) after a few commands have ended, then with 100 commands at once, \
           each a process that writes 8 MiB: all are started, and none is read on before all have \
           written something and wait for their reader; then all are read to their end at once. *MB \
           at most* is the daemon's peak (`VmHWM`) over all that. *Anonymous* (`RssAnon`) is what the \
           daemon allocated; the rest are pages of its program and libraries, which processes share.",
    cases,
    figures: &[
        Figure::IdleMb,
        Figure::IdleAnonymousMb,
        Figure::BusyAnonymousMb,
        Figure::PeakMb,
        Figure::Throughput,
    ],
    ratios: &[],
};

/// The only case.
pub(crate) const CASE: &str = "100 clients";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: &["std-command", "linkspan-daemon", "daemon-cli"],
        setting: Setting::OneThread,
        work: Work::Commands(Commands::DaemonMemory(DaemonMemory {
            clients: if effort.is_smoke { 10 } else { 100 },
            bytes_each: 8 << 20,
        })),
    }]
}

/// Has `clients` commands write `bytes_each` bytes each, all at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DaemonMemory {
    clients: usize,
    bytes_each: u64,
}

impl DaemonMemory {
    pub(super) fn measure(self, program: &impl Program) -> Result<Sample> {
        let mut daemon = None;
        for _ in 0..WARM_UP {
            daemon = program.daemon()?;
        }
        let daemon = daemon.context("a program without a daemon has no memory to look at")?;
        let idle = settled_kib(daemon)?;
        let idle_anonymous = anonymous_kib(daemon)?;
        let mut clients = self.start_all(program)?;
        let busy_anonymous = anonymous_kib(daemon)?;
        for client in &mut clients {
            ensure!(client.runs()?, "a command has ended before it was read");
        }
        let begin = Instant::now();
        self.read_all(clients)?;
        let gib = self.clients as f64 * self.bytes_each as f64 / GIB;
        Ok(Sample::default()
            .with(Figure::Throughput, gib / begin.elapsed().as_secs_f64())
            .with(Figure::IdleMb, megabytes(idle))
            .with(Figure::IdleAnonymousMb, megabytes(idle_anonymous))
            .with(Figure::BusyAnonymousMb, megabytes(busy_anonymous))
            .with(Figure::PeakMb, megabytes(peak_kib(daemon)?)))
    }

    /// Starts all commands, and reads the first byte of each.
    fn start_all(&self, program: &impl Program) -> Result<Vec<Started>> {
        let start = |_| program.start(Task::Stream(self.bytes_each));
        let mut clients = (0..self.clients).map(start).collect::<Result<Vec<_>>>()?;
        for client in &mut clients {
            let mut first = [0];
            client.output.read_exact(&mut first)?;
            verify(&first, 0)?;
        }
        Ok(clients)
    }

    /// Reads all to their end, each by a thread of its own.
    fn read_all(&self, clients: Vec<Started>) -> Result<()> {
        let read = |client: Started| {
            let bytes = self.bytes_each;
            thread::spawn(move || client.finish_stream(1, bytes))
        };
        let readers: Vec<_> = clients.into_iter().map(read).collect();
        for reader in readers {
            reader.join().ok().context("a reader panicked")??;
        }
        Ok(())
    }
}

/// Resident memory as soon as it does not change any more, or has changed for long enough.
fn settled_kib(process: u32) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = resident_kib(process)?;
    let mut times = 0;
    while times < 10 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        let now = resident_kib(process)?;
        times = if now == last { times + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

/// Commands before memory is looked at.
const WARM_UP: usize = 3;
const PATIENCE: Duration = Duration::from_secs(2);
