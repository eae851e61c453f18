//! The system's processes, and who started whom.
//!
//! Only what all systems have is used: `/proc/PID/stat`. The list of children is not everywhere.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;

use crate::sandbox::Usage;

/// The system's processes at one moment. One look serves any number of programs.
#[derive(Debug, Clone)]
pub struct ProcessTable {
    processes: Vec<Process>,
}

impl ProcessTable {
    /// Looks at all processes, which takes some milliseconds on a system with hundreds of them.
    ///
    /// # Errors
    ///
    /// The system's error where `/proc` cannot be read.
    pub fn read() -> io::Result<Self> {
        let mut processes = Vec::new();
        each_process(|process| processes.push(process))?;
        processes.sort_unstable_by_key(|process| process.parent);
        Ok(Self { processes })
    }

    /// What all descendants of a process use.
    pub(super) fn usage_below(&self, root: u32) -> Usage {
        let mut usage = Usage::default();
        let mut found = self.children(root).to_vec();
        // Nobody is a descendant of itself, unless numbers were reused meanwhile.
        while let Some(process) = found.pop()
            && usage.processes < MAX_PROCESSES
        {
            usage.processes += 1;
            usage.cpu_time += process.cpu_time();
            usage.memory_bytes = usage.memory_bytes.saturating_add(memory_of(process.pid));
            found.extend_from_slice(self.children(process.pid));
        }
        usage
    }

    fn children(&self, parent: u32) -> &[Process] {
        let first = self.processes.partition_point(|p| p.parent < parent);
        let last = self.processes.partition_point(|p| p.parent <= parent);
        self.processes.get(first..last).unwrap_or_default()
    }
}

/// A process as `/proc/PID/stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    /// Its own processor time, and that of children that it has waited for.
    ticks: u64,
}

impl Process {
    fn cpu_time(&self) -> Duration {
        let millis = self.ticks.saturating_mul(1000) / clock_ticks_per_second().max(1);
        Duration::from_millis(millis)
    }
}

/// Shows all processes. Only makes system calls.
pub(super) fn each_process(mut visit: impl FnMut(Process)) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, c"/proc", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().first().is_some_and(u8::is_ascii_digit)
            && let Some(process) = look(&directory, name)
        {
            visit(process);
        }
    }
    Ok(())
}

/// `None` if it has ended meanwhile.
fn look(directory: impl AsFd, pid: &CStr) -> Option<Process> {
    let mut path = [0; 24];
    let name = pid.to_bytes().iter().chain(b"/stat\0");
    for (place, byte) in path.iter_mut().zip(name) {
        *place = *byte;
    }
    let path = CStr::from_bytes_until_nul(&path).ok()?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file: OwnedFd = rustix::fs::openat(directory, path, flags, Mode::empty()).ok()?;
    let mut stat = [0; 1024];
    let length = rustix::io::read(&file, &mut stat).ok()?;
    let pid = std::str::from_utf8(pid.to_bytes()).ok()?.parse().ok()?;
    parse(pid, stat.get(..length)?)
}

/// What follows the name, which may hold anything: state, parent, and from field 14 on the times.
fn parse(pid: u32, stat: &[u8]) -> Option<Process> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let times = fields.skip(14 - 5).take(4);
    let ticks = times.map(|text| text.parse::<u64>().unwrap_or(0));
    Some(Process {
        pid,
        parent,
        ticks: ticks.fold(0, u64::saturating_add),
    })
}

/// Memory that is there because of a process; none if it has ended meanwhile.
fn memory_of(pid: u32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let figure = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    let figures = ["RssAnon:", "RssShmem:", "VmSwap:"].into_iter();
    figures.filter_map(figure).fold(0, |sum, kibibytes| {
        sum.saturating_add(kibibytes.saturating_mul(1024))
    })
}

const MAX_PROCESSES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parent_and_times_are_found_behind_any_name() {
        let stat = b"77 (a) R 9 (b) S 12 77 77 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 1 0 123 9 9\n";
        let expected = Process {
            pid: 77,
            parent: 12,
            ticks: 50 + 6 + 7 + 8,
        };
        assert_eq!(parse(77, stat), Some(expected));
        assert_eq!(parse(77, b"77 (a"), None);
    }

    #[test]
    fn this_process_is_among_all_and_counts_below_its_parent() {
        let table = ProcessTable::read().unwrap();
        let own = table.processes.iter().find(|p| p.pid == std::process::id());
        let usage = table.usage_below(own.unwrap().parent);
        assert!(usage.processes >= 1);
        assert!(usage.memory_bytes > 0);
    }
}
