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
///
/// What is shared counts as mapped: a process can give such pages away from itself, and then the system
/// keeps them without counting them with anybody.
fn memory_of(pid: u32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let sum = |names: &[&str]| {
        let figures = names.iter().filter_map(|name| bytes_in(&status, name));
        figures.fold(0, u64::saturating_add)
    };
    let mapped = sum(&["VmSize:"]);
    let known = sum(&["VmData:", "VmStk:", "VmExe:", "VmLib:"]);
    let resident = sum(&["RssShmem:"]);
    let shared = match mapped.saturating_sub(known) {
        // Not worth a look, which costs more than all the rest.
        ..=UNSEEN_BYTES => resident,
        _ => fs::read_to_string(format!("/proc/{pid}/maps"))
            .map_or(resident, |maps| shared_memory(&maps).max(resident)),
    };
    sum(&["RssAnon:", "VmSwap:"]).saturating_add(shared)
}

fn bytes_in(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

/// What is mapped of memory that has no file, in bytes: as `FROM-TO rw-s OFFSET DEVICE INODE NAME`.
fn shared_memory(maps: &str) -> u64 {
    let bytes = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        let is_shared = fields.next()?.ends_with('s');
        let name = fields.nth(3)?;
        let has_no_file = NAMELESS.iter().any(|known| name.starts_with(known));
        let address = |text| u64::from_str_radix(text, 16).ok();
        let length = address(to)?.saturating_sub(address(from)?);
        (is_shared && has_no_file).then_some(length)
    };
    maps.lines().filter_map(bytes).fold(0, u64::saturating_add)
}

const MAX_PROCESSES: u64 = 1 << 20;
/// As much as programs map of files that they do not write to.
const UNSEEN_BYTES: u64 = 4 << 20;
/// What shared memory is called that was mapped without a file, by `memfd_create`, and by `shmget`.
const NAMELESS: [&str; 3] = ["/dev/zero", "/memfd:", "/SYSV"];

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
    fn shared_memory_is_what_has_no_file() {
        let maps = "1000-3000 rw-s 00000000 00:01 8 /dev/zero (deleted)\n\
                    4000-5000 rw-s 00000000 00:01 9 /memfd:name (deleted)\n\
                    6000-7000 r-xp 00000000 00:01 9 /memfd:program (deleted)\n\
                    8000-9000 rw-s 00000000 08:01 9 /var/lib/file\n\
                    a000-b000 rw-p 00000000 00:00 0\n";
        assert_eq!(shared_memory(maps), 0x3000);
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
