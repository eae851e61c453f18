//! What the kernel says about this machine and its processes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::Serialize;

/// Where and when a run took place.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    pub(crate) rustc: &'static str,
    /// The commit of the project, with a `+` if files were changed since.
    pub(crate) commit: String,
    /// Runnable processes during the minute before, which should be none.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let processors = read("/proc/cpuinfo")?;
        let memory = read("/proc/meminfo")?;
        let load = read("/proc/loadavg")?;
        let memory_kib: f64 = field(&memory, "MemTotal").unwrap_or("0 kB").parse_kib()?;
        Ok(Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            processor: field(&processors, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory_kib / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            rustc: env!("BENCH_RUSTC"),
            commit: commit(),
            load: load.split(' ').next().unwrap_or_default().parse()?,
        })
    }

    pub(crate) fn date(&self) -> &str {
        self.date.split('T').next().unwrap_or_default()
    }
}

/// User and system time of a process, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    // The second field is a name in brackets, which may hold blanks and brackets itself.
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(process: u32) -> Result<f64> {
    memory_kib(process, "VmRSS")
}

/// The most resident memory that a process ever had, in KiB.
pub(crate) fn peak_kib(process: u32) -> Result<f64> {
    memory_kib(process, "VmHWM")
}

/// The part of the resident memory that is not a file's, such as heap and stacks, in KiB.
pub(crate) fn anonymous_kib(process: u32) -> Result<f64> {
    memory_kib(process, "RssAnon")
}

/// KiB in millions of bytes.
pub(crate) fn megabytes(kib: f64) -> f64 {
    kib * 1024.0 / 1e6
}

fn memory_kib(process: u32, name: &str) -> Result<f64> {
    let status = read(&format!("/proc/{process}/status"))?;
    field(&status, name)
        .with_context(|| format!("no {name} in /proc/PID/status"))?
        .parse_kib()
}

trait Kib {
    fn parse_kib(&self) -> Result<f64>;
}

impl Kib for str {
    fn parse_kib(&self) -> Result<f64> {
        Ok(self.trim_end_matches(" kB").parse()?)
    }
}

/// The first value of a name in lines of `name: value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .into_iter()
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("git")
            .args(arguments)
            .current_dir(directory)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--", "../crates"]);
    let mark = if changed.is_none_or(|files| files.is_empty()) {
        ""
    } else {
        "+"
    };
    git(&["rev-parse", "--short", "HEAD"]).map_or_else(|| "unknown".to_owned(), |id| id + mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let process = std::process::id();
        let resident = resident_kib(process).unwrap();
        assert!(resident > 100.0 && peak_kib(process).unwrap() >= resident);
        let anonymous = anonymous_kib(process).unwrap();
        assert!(0.0 < anonymous && anonymous < resident);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while cpu_seconds(process).unwrap() == 0.0 {
            assert!(
                std::time::Instant::now() < deadline,
                "the clock of this process stands still"
            );
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "VmRSSx: 1 kB\nVmRSS:\t  204 kB\n";
        assert_eq!(field(text, "VmRSS").unwrap().parse_kib().unwrap(), 204.0);
        assert_eq!(field(text, "Vm"), None);
    }
}
