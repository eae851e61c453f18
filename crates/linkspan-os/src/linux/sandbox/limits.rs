//! Limits that the system has for one process, and for one user.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::sandbox::Limits;

/// Limits as the system takes them, made before the fork.
#[derive(Debug)]
pub(super) struct Applicable {
    resources: Vec<(Resource, Rlimit)>,
    processors: Option<CpuSet>,
}

impl Applicable {
    /// `own_processes` of ours count with those of the program, if they can be counted at all. A
    /// cgroup limits processors by itself.
    pub(super) fn new(limits: &Limits, own_processes: Option<u64>, has_cgroup: bool) -> Self {
        let mut resources = vec![(Resource::Core, 0)];
        let mut add = |resource, value: Option<u64>| {
            resources.extend(value.map(|value| (resource, value)));
        };
        add(Resource::Data, limits.memory_bytes);
        // What is on the stack does not count as data.
        add(Resource::Stack, limits.memory_bytes.map(|_| STACK_BYTES));
        add(Resource::Cpu, limits.cpu_seconds);
        add(Resource::Nofile, limits.open_files);
        add(Resource::Fsize, limits.file_bytes);
        let processes = limits.processes.zip(own_processes);
        let processes = processes.map(|(limit, ours)| limit.saturating_add(ours));
        add(Resource::Nproc, processes);
        let resources = resources.into_iter();
        Self {
            resources: resources
                .map(|(resource, value)| (resource, not_above(resource, value)))
                .collect(),
            processors: limits
                .cpu_cores
                .filter(|_| !has_cgroup)
                .and_then(processors),
        }
    }

    /// Limits this process. Only makes system calls.
    pub(super) fn apply(&self) -> Result<(), Errno> {
        for (resource, limit) in &self.resources {
            setrlimit(*resource, *limit)?;
        }
        if let Some(processors) = &self.processors {
            sched_setaffinity(None, processors)?;
            nice(LOW_PRIORITY)?;
        }
        Ok(())
    }
}

/// No limit can be raised above what this process has.
fn not_above(resource: Resource, value: u64) -> Rlimit {
    let maximum = getrlimit(resource).maximum;
    let value = maximum.map_or(value, |maximum| value.min(maximum));
    // A process that is to be ended by SIGXCPU and not by SIGKILL gets it a second before.
    let hard = match resource {
        Resource::Cpu => maximum.map_or(value + 1, |maximum| (value + 1).min(maximum)),
        _ => value,
    };
    Rlimit {
        current: Some(value),
        maximum: Some(hard),
    }
}

/// Some of the processors that this process may use, for each program others.
fn processors(cores: f64) -> Option<CpuSet> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let available = sched_getaffinity(None).ok()?;
    let all: Vec<_> = (0..CpuSet::MAX_CPU)
        .filter(|number| available.is_set(*number))
        .collect();
    let wanted = (1..all.len()).find(|count| whole(*count) >= cores)?;
    let first = NEXT.fetch_add(wanted, Ordering::Relaxed);
    let mut chosen = CpuSet::new();
    for number in all.iter().cycle().skip(first % all.len()).take(wanted) {
        chosen.set(*number);
    }
    Some(chosen)
}

fn whole(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

const STACK_BYTES: u64 = 8 << 20;
const LOW_PRIORITY: i32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_processor_are_rounded_up_and_all_of_them_are_no_limit() {
        let available = sched_getaffinity(None).unwrap().count();
        if available > 1 {
            assert_eq!(processors(0.25).unwrap().count(), 1);
        }
        if available > 2 {
            assert_eq!(processors(1.5).unwrap().count(), 2);
        }
        assert!(processors(4096.0).is_none());
    }
}
