//! What this process costs.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time that the calling thread has used.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

/// The most memory that this process has had resident, in bytes, where the system tells.
pub fn peak_memory_bytes() -> Option<u64> {
    memory_figure("VmHWM:")
}

/// Memory that this process has resident now, in bytes, where the system tells.
pub fn resident_memory_bytes() -> Option<u64> {
    memory_figure("VmRSS:")
}

/// How many descriptors this process has open, where the system tells.
pub fn open_descriptors() -> Option<usize> {
    let directory = ["/proc/self/fd", "/dev/fd"]
        .into_iter()
        .find_map(|path| std::fs::read_dir(path).ok())?;
    // One of them is the directory that is read.
    directory.count().checked_sub(1)
}

/// How many threads this process has, where the system tells.
pub fn thread_count() -> Option<usize> {
    status("Threads:")?.parse().ok()
}

fn memory_figure(name: &str) -> Option<u64> {
    let kibibytes: u64 = status(name)?.strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn status(name: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}
