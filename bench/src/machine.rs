//! What the kernel says about this machine and its processes.

use std::collections::BTreeMap;
use std::fs;
use std::ops::AddAssign;
use std::os::unix::fs::MetadataExt;
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

/// A process's part of the machine's memory, in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Share {
    /// What it alone has, and its part of what it shares with others.
    pub(crate) total_kib: f64,
    /// What it alone has.
    pub(crate) private_kib: f64,
}

impl AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        self.total_kib += other.total_kib;
        self.private_kib += other.private_kib;
    }
}

/// A process's part of the machine's memory. That of another user's process is for root alone.
pub(crate) fn share(process: u32) -> Result<Share> {
    let rollup = read(&format!("/proc/{process}/smaps_rollup"))?;
    let kib = |name| {
        let value = field(&rollup, name);
        let value = value.with_context(|| format!("no {name} in /proc/PID/smaps_rollup"))?;
        value.parse_kib()
    };
    Ok(Share {
        total_kib: kib("Pss")?,
        private_kib: kib("Private_Clean")? + kib("Private_Dirty")?,
    })
}

/// The processes that a process has started, and those that these have started.
pub(crate) fn descendants(process: u32) -> Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(child) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that has ended meanwhile is nobody's.
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, fields)| fields.get(2..));
        let parent = parent.and_then(|fields| fields.split(' ').next()?.parse().ok());
        children
            .entry(parent.unwrap_or_default())
            .or_default()
            .push(child);
    }
    let (mut found, mut next) = (Vec::new(), vec![process]);
    while let Some(parent) = next.pop() {
        let own = children.remove(&parent).unwrap_or_default();
        found.extend(&own);
        next.extend(own);
    }
    Ok(found)
}

/// Memory of this process that is open as files, in KiB.
pub(crate) fn sealed_kib() -> Result<f64> {
    let mut blocks = 0;
    for descriptor in fs::read_dir("/proc/self/fd")? {
        let path = descriptor?.path();
        let target = fs::read_link(&path).unwrap_or_default();
        if target.to_string_lossy().starts_with("/memfd:") {
            blocks += fs::metadata(&path)?.blocks();
        }
    }
    Ok(blocks as f64 / 2.0)
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
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

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
    fn grandchildren_are_descendants() {
        let script = "sleep 1000 & echo $!; read -r _; kill $!";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut said).unwrap();
        let grandchild: u32 = said.trim().parse().unwrap();
        let found = descendants(std::process::id()).unwrap();
        assert!(found.contains(&child.id()) && found.contains(&grandchild));
        assert!(!found.contains(&std::process::id()));
        let shared = share(child.id()).unwrap();
        assert!(0.0 < shared.private_kib && shared.private_kib <= shared.total_kib);
        child.wait().unwrap();
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "VmRSSx: 1 kB\nVmRSS:\t  204 kB\n";
        assert_eq!(field(text, "VmRSS").unwrap().parse_kib().unwrap(), 204.0);
        assert_eq!(field(text, "Vm"), None);
    }
}
