//! Cgroups, version 2: limits for all of a program, held by the system.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use crate::sandbox::{Limits, Usage};

/// A directory of the cgroup file system in which this process may make cgroups that limit memory,
/// processes and processors; `None` where it was given none.
///
/// Where this process itself is in that directory, it moves into a cgroup `linkspan-host` in it, as
/// the system asks of whoever makes cgroups for others.
pub fn delegated_cgroup() -> Option<PathBuf> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let own = list.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let directory = mount_point(&mounts)?.join(own);
    delegated_at(&directory).then_some(directory)
}

/// Where cgroups of version 2 are; the first field behind the dash is the kind of file system.
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let path = place.split(' ').nth(4)?;
        (kind.split(' ').next() == Some("cgroup2")).then(|| PathBuf::from(path))
    })
}

/// Whether cgroups in a directory can have limits, which is made so if it can be.
fn delegated_at(directory: &Path) -> bool {
    let controllers = fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
    let has = |list: &str, name: &str| list.split_ascii_whitespace().any(|word| word == name);
    if !CONTROLLERS.iter().all(|name| has(&controllers, name)) {
        return false;
    }
    let control = directory.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&control).unwrap_or_default();
    if CONTROLLERS.iter().all(|name| has(&enabled, name)) {
        return true;
    }
    let enable = || fs::write(&control, "+memory +pids +cpu");
    match enable() {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) => {
            let leave = step_aside(directory);
            leave.and_then(|()| enable()).is_ok()
        }
        result => result.is_ok(),
    }
}

fn step_aside(directory: &Path) -> io::Result<()> {
    let aside = directory.join("linkspan-host");
    match fs::create_dir(&aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::write(aside.join("cgroup.procs"), process::id().to_string())
}

/// A cgroup for one program. It is removed when this is dropped, which its processes have to have
/// ended for.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
    memory_bytes: Option<u64>,
}

impl Cgroup {
    pub(super) fn create(parent: &Path, limits: &Limits) -> io::Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("linkspan-{}-{number}", process::id()));
        // A host that had the same number may have left it; what is not empty stays.
        fs::remove_dir(&path).ok();
        fs::create_dir(&path)?;
        let group = Self {
            path,
            memory_bytes: limits.memory_bytes,
        };
        group.limit(limits)?;
        Ok(group)
    }

    fn limit(&self, limits: &Limits) -> io::Result<()> {
        if let Some(bytes) = limits.memory_bytes {
            self.write("memory.max", &bytes.to_string())?;
            // Without swap there is no such file.
            self.write("memory.swap.max", "0").ok();
            // All of it ends together, as it would anyway.
            self.write("memory.oom.group", "1").ok();
        }
        if let Some(processes) = limits.processes {
            // The init or keeper is one more.
            self.write("pids.max", &processes.saturating_add(1).to_string())?;
        }
        if let Some(cores) = limits.cpu_cores {
            let micros = Duration::try_from_secs_f64(cores / 10.0)
                .map_or(u128::MAX, |share| share.as_micros());
            self.write("cpu.max", &format!("{} {PERIOD_MICROS}", micros.max(1000)))?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn add(&self, pid: Pid) -> io::Result<()> {
        self.write("cgroup.procs", &pid.as_raw_nonzero().to_string())
    }

    /// Ends everything in it. Kernels before 5.14 cannot.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.write("cgroup.kill", "1")
    }

    pub(super) fn usage(&self) -> Usage {
        let number = |name| self.read(name)?.trim().parse::<u64>().ok();
        let micros = self.field("cpu.stat", "usage_usec ").unwrap_or(0);
        Usage {
            memory_bytes: number("memory.current").unwrap_or(0),
            cpu_time: Duration::from_micros(micros),
            processes: number("pids.current").unwrap_or(0).saturating_sub(1),
        }
    }

    /// The limit that the system has ended something in it for.
    pub(super) fn exceeded_memory_bytes(&self) -> Option<u64> {
        let kills = self.field("memory.events", "oom_kill ")?;
        self.memory_bytes.filter(|_| kills > 0)
    }

    fn field(&self, file: &str, name: &str) -> Option<u64> {
        let text = self.read(file)?;
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().parse().ok()
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.path.join(name), text)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // What cannot be removed is empty, and in nobody's way.
        fs::remove_dir(&self.path).ok();
    }
}

const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
const PERIOD_MICROS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the files that the system would put there.
    fn fake(controllers: &str, enabled: &str) -> tempfile::TempDir {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("cgroup.controllers"), controllers).unwrap();
        fs::write(base.path().join("cgroup.subtree_control"), enabled).unwrap();
        base
    }

    fn limits() -> Limits {
        Limits {
            memory_bytes: Some(1 << 20),
            processes: Some(10),
            cpu_cores: Some(1.5),
            ..Limits::default()
        }
    }

    #[test]
    fn limits_are_written_as_the_system_takes_them() {
        let base = fake("", "");
        let group = Cgroup::create(base.path(), &limits()).unwrap();
        for (name, text) in [
            ("memory.max", "1048576"),
            ("memory.swap.max", "0"),
            ("pids.max", "11"),
            ("cpu.max", "150000 100000"),
        ] {
            assert_eq!(group.read(name).as_deref(), Some(text), "{name}");
        }
        group.add(rustix::process::getpid()).unwrap();
        let own = process::id().to_string();
        assert_eq!(group.read("cgroup.procs"), Some(own));
        group.kill().unwrap();
        assert_eq!(group.read("cgroup.kill").as_deref(), Some("1"));
    }

    #[test]
    fn usage_and_the_end_for_memory_are_read_from_it() {
        let base = fake("", "");
        let group = Cgroup::create(base.path(), &limits()).unwrap();
        group.write("memory.current", "4096\n").unwrap();
        group.write("pids.current", "3\n").unwrap();
        let stat = "usage_usec 1500000\nuser_usec 1000000\n";
        group.write("cpu.stat", stat).unwrap();
        group.write("memory.events", "oom 0\noom_kill 0\n").unwrap();
        let usage = group.usage();
        assert_eq!((usage.memory_bytes, usage.processes), (4096, 2));
        assert_eq!(usage.cpu_time, Duration::from_millis(1500));
        assert_eq!(group.exceeded_memory_bytes(), None);
        group.write("memory.events", "oom 1\noom_kill 1\n").unwrap();
        assert_eq!(group.exceeded_memory_bytes(), Some(1 << 20));
    }

    #[test]
    fn an_empty_one_is_removed() {
        let base = fake("", "");
        let group = Cgroup::create(base.path(), &Limits::default()).unwrap();
        let path = group.path().to_owned();
        assert!(path.is_dir());
        drop(group);
        assert!(!path.exists());
    }

    #[test]
    fn controllers_are_asked_for_where_they_are_not_enabled() {
        let base = fake("cpuset cpu memory pids", "");
        assert!(delegated_at(base.path()));
        let enabled = fs::read_to_string(base.path().join("cgroup.subtree_control")).unwrap();
        assert_eq!(enabled, "+memory +pids +cpu");
        assert!(delegated_at(
            fake("cpu memory pids", "cpu memory pids").path()
        ));
        assert!(!delegated_at(fake("hugetlb", "").path()));
    }

    #[test]
    fn the_mount_point_is_that_of_version_2() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      35 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let expected = PathBuf::from("/sys/fs/cgroup/unified");
        assert_eq!(mount_point(mounts), Some(expected));
    }
}
