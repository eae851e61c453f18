//! Launching programs on systems without sandboxes that we know: only what is trusted.
//!
//! The program leads a session and is in a process group, which is ended as a whole. What leaves that
//! group is not found again, and nobody ends it when this process is killed.
#![expect(unsafe_code, reason = "runs code between fork and exec")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Instant;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::sandbox::{
    Applied, Exit, Identity, Launch, LaunchError, Level, Limits, Output, Running as Launched,
    Usage, Weakness,
};
use crate::unix::descriptors_portable::close_on_exec_from;
use crate::unix::signals;
use crate::unix::wait::readable_before;

pub(crate) fn launch(launch: &Launch) -> Result<Launched, LaunchError> {
    if launch.level > Level::None {
        return Err(LaunchError::Unavailable {
            level: launch.level,
            missing: "Linux",
            source: None,
        });
    }
    let Some(path) = launch.program.path.clone() else {
        return Err(failed(
            "a program without a path",
            io::ErrorKind::Unsupported.into(),
        ));
    };
    let is_same = is_same(&path, &launch.program.file);
    if !is_same.map_err(|source| failed("the program", source))? {
        return Err(failed(
            "a program that was replaced",
            io::ErrorKind::NotFound.into(),
        ));
    }
    let mut child = start(&path, launch).map_err(|source| failed("a new process", source))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        return Err(failed("its pipes", io::ErrorKind::BrokenPipe.into()));
    };
    let running = Running::new(child).map_err(|source| failed("a thread", source))?;
    let (stdout, stderr) = (stdout.into(), stderr.into());
    Ok(Launched::new(running, applied(), Output { stdout, stderr }))
}

fn applied() -> Applied {
    Applied {
        level: Level::None,
        identity: Identity::Same,
        has_pid_namespace: false,
        landlock_abi: None,
        filters_calls: false,
        network: None,
        cgroup: None,
        weaknesses: vec![
            Weakness::Unconfined,
            Weakness::MayOutliveHost,
            Weakness::ProgramByPath,
        ],
    }
}

fn start(path: &Path, launch: &Launch) -> io::Result<Child> {
    let floor = launch
        .descriptors
        .iter()
        .map(|(number, _)| number + 1)
        .max();
    let floor = RawFd::try_from(floor.unwrap_or(0).max(3)).map_err(io::Error::other)?;
    let empty = File::open("/dev/null")?;
    // The standard library must not open one of the numbers that are given away.
    let _occupied = occupy(&empty, floor)?;
    let mut given = Vec::new();
    let mut stdin = empty.try_clone()?;
    for (number, descriptor) in &launch.descriptors {
        match RawFd::try_from(*number).map_err(io::Error::other)? {
            0 => stdin = descriptor.try_clone()?.into(),
            number => given.push((number, fcntl_dupfd_cloexec(descriptor, floor)?)),
        }
    }
    let limits = limits(&launch.limits);
    let last = crate::descriptor_limit().unwrap_or(65_536).min(65_536);
    let last = RawFd::try_from(last).map_err(io::Error::other)?;
    let mut command = Command::new(path);
    command
        .arg0(&launch.name)
        .args(&launch.arguments)
        .env_clear()
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(launch.directory())
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let prepare = move || {
        rustix::process::setsid()?;
        for (resource, limit) in &limits {
            setrlimit(*resource, *limit)?;
        }
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        signals::reset();
        close_on_exec_from(3, last)?;
        given
            .iter()
            .try_for_each(|(number, from)| inherit(from, *number))
    };
    // SAFETY: what runs there only makes system calls that are allowed after fork, on what was
    // prepared before; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
    command.spawn()
}

/// Whether the file that was opened still stands at its path; another may a moment later.
fn is_same(path: &Path, file: &File) -> io::Result<bool> {
    let (there, opened) = (path.metadata()?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (opened.dev(), opened.ino()))
}

fn occupy(file: &File, floor: RawFd) -> io::Result<Vec<OwnedFd>> {
    let mut occupied = Vec::new();
    loop {
        let next = fcntl_dupfd_cloexec(file, 3)?;
        if next.as_raw_fd() >= floor {
            return Ok(occupied);
        }
        occupied.push(next);
    }
}

fn inherit(from: &OwnedFd, number: RawFd) -> io::Result<()> {
    // SAFETY: the number is one that this process uses for nothing.
    match unsafe { libc::dup2(from.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn limits(limits: &Limits) -> Vec<(Resource, Rlimit)> {
    let wanted = [
        (Resource::Core, Some(0)),
        (Resource::Data, limits.memory_bytes),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
    ];
    let limit = |(resource, value): (Resource, Option<u64>)| {
        let maximum = getrlimit(resource).maximum;
        let value = value.map(|value| maximum.map_or(value, |maximum| value.min(maximum)));
        value.map(|value| {
            let (current, maximum) = (Some(value), Some(value));
            (resource, Rlimit { current, maximum })
        })
    };
    wanted.into_iter().filter_map(limit).collect()
}

/// A program, and a thread that waits for it.
#[derive(Debug)]
pub(crate) struct Running {
    pid: u32,
    /// Readable once the program has ended.
    ended: OwnedFd,
    status: Receiver<ExitStatus>,
    is_killed: bool,
    exit: Option<Exit>,
}

impl Running {
    fn new(mut child: Child) -> io::Result<Self> {
        let (ended, ending) = rustix::pipe::pipe()?;
        let (sender, status) = sync_channel(1);
        let pid = child.id();
        thread::Builder::new().spawn(move || {
            if let Ok(status) = child.wait() {
                // Nobody may want to know any more.
                sender.send(status).ok();
            }
            drop(ending);
        })?;
        Ok(Self {
            pid,
            ended,
            status,
            is_killed: false,
            exit: None,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        if self.exit.is_none() {
            let exit = |status: ExitStatus| match (status.code(), status.signal()) {
                (Some(code), _) => Exit::Code(code),
                _ if self.is_killed => Exit::Killed,
                (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
            };
            self.exit = self.status.try_recv().ok().map(exit);
            if self.exit.is_some() {
                self.kill_group();
            }
        }
        Ok(self.exit)
    }

    pub(crate) fn wait(&mut self, deadline: Instant) -> io::Result<Option<Exit>> {
        if self.exit.is_none() {
            readable_before(&self.ended, deadline)?;
        }
        self.try_wait()
    }

    pub(crate) fn terminate(&self) -> io::Result<()> {
        match self.number().map(|pid| kill_process(pid, Signal::TERM)) {
            Some(Err(error)) if self.exit.is_none() && error != Errno::SRCH => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        if self.try_wait()?.is_none() {
            self.is_killed = true;
            self.kill_group();
        }
        Ok(())
    }

    pub(crate) fn usage(&self, _: &ProcessTable) -> io::Result<Usage> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn check(&mut self, processes: &ProcessTable) -> io::Result<Usage> {
        self.usage(processes)
    }

    fn kill_group(&self) {
        if let Some(group) = self.number() {
            // Nobody may be left in it.
            rustix::process::kill_process_group(group, Signal::KILL).ok();
        }
    }

    fn number(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill().ok();
    }
}

/// The system's processes at one moment. One look serves any number of programs.
#[derive(Debug, Clone)]
pub struct ProcessTable(());

impl ProcessTable {
    /// Looks at all processes, which takes some milliseconds on a system with hundreds of them.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn read() -> io::Result<Self> {
        Ok(Self(()))
    }
}

/// Other systems than Linux have no cgroups.
pub fn delegated_cgroup() -> Option<PathBuf> {
    None
}

pub(crate) fn sealed_copy(_: impl Read, _: &str, _: impl FnMut(&[u8])) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

fn failed(what: &str, source: io::Error) -> LaunchError {
    LaunchError::Prepare {
        what: what.to_owned(),
        source,
    }
}
