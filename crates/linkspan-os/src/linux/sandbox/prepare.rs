//! All that a new process needs, made before it is forked: after that nothing may allocate.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};

use super::filter::{Filters, Kind};
use super::grants::{self, Held};
use super::identity::Change;
use super::landlock::{Rights, Ruleset};
use super::limits::Applicable;
use super::mounts::{DEVICES, Mounts, SYSTEM};
use super::processes;
use super::raw::Strings;
use super::step;
use crate::sandbox::launch::invalid;
use crate::sandbox::{Access, Launch, LaunchError, Level, Network};

/// What of the host's a new process is apart from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Namespaces(pub(super) libc::c_int);

impl Namespaces {
    /// What a level asks for; nothing at [`Level::None`].
    pub(super) fn of(launch: &Launch, change: &Change) -> Self {
        let mut flags = match launch.level {
            Level::None => return Self::none(),
            Level::Basic => libc::CLONE_NEWPID | libc::CLONE_NEWIPC,
            Level::Strict => {
                libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWNS | libc::CLONE_NEWUTS
            }
        };
        if launch.level == Level::Strict && launch.network == Network::Isolated {
            flags |= libc::CLONE_NEWNET;
        }
        if change.needs_namespace() {
            flags |= libc::CLONE_NEWUSER;
        }
        Self(flags)
    }

    pub(super) const fn none() -> Self {
        Self(0)
    }

    pub(super) fn has_pid(self) -> bool {
        self.0 & libc::CLONE_NEWPID != 0
    }
}

/// What a new process needs.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) namespaces: Namespaces,
    pub(super) mounts: Option<Mounts>,
    pub(super) change: Change,
    pub(super) report: OwnedFd,
    pub(super) status: OwnedFd,
    pub(super) lifeline: OwnedFd,
    pub(super) program: OwnedFd,
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
    pub(super) directory: CString,
    /// What the program has, in the order of the numbers.
    pub(super) descriptors: Vec<(RawFd, OwnedFd)>,
    pub(super) limits: Applicable,
    pub(super) landlock: Option<Ruleset>,
    pub(super) filters: Option<&'static Filters>,
    /// All of the above that is open, in the order of the numbers.
    pub(super) kept: Vec<RawFd>,
    /// Open until the program runs, so that no other file gets the number of one of them.
    _grants: Vec<Held>,
}

/// The host's ends of what connects it with a new process.
#[derive(Debug)]
pub(super) struct HostEnds {
    pub(super) report: OwnedFd,
    pub(super) status: OwnedFd,
    pub(super) lifeline: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// What was decided before anything is prepared.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) namespaces: Namespaces,
    pub(super) change: Change,
    pub(super) landlock_abi: Option<u32>,
    pub(super) has_cgroup: bool,
}

impl Decided {
    /// How many processes besides those of the program count with them; `None` where so many others
    /// do that there is nothing to limit.
    pub(super) fn own_processes(&self) -> Option<u64> {
        match self.change {
            Change::None | Change::Stripped => None,
            // The init is the same user.
            Change::Switch(_) | Change::Namespace { .. } => Some(self.namespaces.has_pid().into()),
        }
    }
}

pub(super) fn prepare(
    launch: &Launch,
    decided: Decided,
) -> Result<(Prepared, HostEnds), LaunchError> {
    processes::check(launch)?;
    let grants = grants::hold(launch)?;
    let mounts = mounts(launch, &decided, &grants)?;
    let own_processes = decided.own_processes();
    let limits = Applicable::new(&launch.limits, own_processes, decided.has_cgroup);
    let channels = Channels::open(launch).map_err(refused("descriptors"))?;
    let confines = launch.level > Level::None;
    let filters = match Filters::of(Kind::of(launch, decided.has_cgroup)) {
        Some(filters) if confines => Some(filters),
        None if confines => return Err(unavailable(launch.level, "a filter of system calls")),
        _ => None,
    };
    let landlock = decided.landlock_abi.filter(|_| confines);
    let landlock = landlock.map(|abi| ruleset(launch, &grants, abi));
    let landlock = landlock.transpose()?;
    let floor = channels.floor;
    let landlock =
        landlock.map(|rules| rules.with_descriptor(|descriptor| lift(descriptor, floor)));
    let mut prepared = Prepared {
        namespaces: decided.namespaces,
        mounts,
        change: decided.change,
        report: channels.report,
        status: channels.status,
        lifeline: channels.lifeline,
        program: channels.program,
        arguments: arguments(launch)?,
        environment: environment(launch)?,
        directory: text("directory", launch.directory())?,
        descriptors: channels.descriptors,
        limits,
        landlock: landlock.transpose().map_err(refused("descriptors"))?,
        filters,
        kept: Vec::new(),
        _grants: grants,
    };
    prepared.kept = prepared.open();
    Ok((prepared, channels.host))
}

impl Prepared {
    /// Drops all the rest: from then on only the new process has those ends.
    pub(super) fn into_change(self) -> Change {
        self.change
    }

    fn open(&self) -> Vec<RawFd> {
        let own = [&self.report, &self.status, &self.lifeline, &self.program];
        let own = own.into_iter().map(AsRawFd::as_raw_fd);
        let inherited = self.descriptors.iter().map(|(_, from)| from.as_raw_fd());
        let rules = self.landlock.iter().map(Ruleset::number);
        let mut open: Vec<_> = own.chain(inherited).chain(rules).collect();
        open.sort_unstable();
        open
    }
}

/// The ends of a new process.
struct Channels {
    report: OwnedFd,
    status: OwnedFd,
    lifeline: OwnedFd,
    program: OwnedFd,
    descriptors: Vec<(RawFd, OwnedFd)>,
    host: HostEnds,
    floor: RawFd,
}

impl Channels {
    /// All of them above the numbers that the program has.
    fn open(launch: &Launch) -> Result<Self, Errno> {
        let (our_report, report) = step::channel()?;
        let (our_status, status) = pipe_with(PipeFlags::CLOEXEC)?;
        let (lifeline, our_lifeline) = pipe_with(PipeFlags::CLOEXEC)?;
        let (our_stdout, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (our_stderr, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut descriptors = vec![(1, stdout), (2, stderr)];
        for (number, descriptor) in &launch.descriptors {
            let number = RawFd::try_from(*number).map_err(|_| Errno::BADF)?;
            descriptors.push((number, fcntl_dupfd_cloexec(descriptor, 0)?));
        }
        if !descriptors.iter().any(|(number, _)| *number == 0) {
            let empty = File::open("/dev/null");
            let empty = empty.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            descriptors.push((0, empty.into()));
        }
        descriptors.sort_by_key(|(number, _)| *number);
        let floor = descriptors.last().map_or(3, |(number, _)| number + 1);
        let lifted = descriptors
            .into_iter()
            .map(|(n, from)| Ok((n, lift(from, floor)?)));
        Ok(Self {
            report: lift(report, floor)?,
            status: lift(status, floor)?,
            lifeline: lift(lifeline, floor)?,
            program: fcntl_dupfd_cloexec(&*launch.program.file, floor)?,
            descriptors: lifted.collect::<Result<_, Errno>>()?,
            host: HostEnds {
                report: our_report,
                status: our_status,
                lifeline: our_lifeline,
                stdout: our_stdout,
                stderr: our_stderr,
            },
            floor,
        })
    }
}

fn lift(descriptor: OwnedFd, floor: RawFd) -> Result<OwnedFd, Errno> {
    if descriptor.as_raw_fd() >= floor {
        return Ok(descriptor);
    }
    fcntl_dupfd_cloexec(&descriptor, floor)
}

fn mounts(
    launch: &Launch,
    decided: &Decided,
    grants: &[Held],
) -> Result<Option<Mounts>, LaunchError> {
    if decided.namespaces.0 & libc::CLONE_NEWNS == 0 {
        return Ok(None);
    }
    let mounts = Mounts::new(launch, grants);
    mounts.map(Some).map_err(|source| LaunchError::Prepare {
        what: "the program's file system".to_owned(),
        source,
    })
}

fn ruleset(launch: &Launch, grants: &[Held], abi: u32) -> Result<Ruleset, LaunchError> {
    let rules = Ruleset::new(abi).map_err(refused("Landlock's rules"))?;
    let allow = |path: &Path, rights| match rules.allow_path(path, rights) {
        Err(Errno::NOENT) => Ok(()),
        result => result.map_err(|errno| LaunchError::Prepare {
            what: format!("Landlock's rule for {}", path.display()),
            source: errno.into(),
        }),
    };
    // It may be anywhere, and what is executed was opened before.
    let program = rules.allow_file(&*launch.program.file, Rights::READ);
    match program {
        // A copy in memory is nowhere.
        Err(Errno::BADFD) => {}
        result => result.map_err(refused("Landlock's rule for the program"))?,
    }
    for path in SYSTEM {
        allow(Path::new(path), Rights::READ)?;
    }
    for path in DEVICES {
        allow(Path::new(path), Rights::DEVICE)?;
    }
    if launch.sees_processes && launch.level < Level::Strict {
        allow(Path::new("/proc"), Rights::LOOK)?;
    }
    for grant in grants {
        let rights = match grant.access {
            Access::Read => Rights::READ,
            Access::Write => Rights::WRITE,
        };
        let allowed = rules.allow_file(&grant.found.file, rights);
        allowed.map_err(refused("Landlock's rule for a granted path"))?;
    }
    if let Network::TcpPorts(ports) = &launch.network {
        for port in ports {
            let allowed = rules.allow_connecting(*port);
            allowed.map_err(refused("Landlock's rule for a port"))?;
        }
    }
    Ok(rules)
}

fn arguments(launch: &Launch) -> Result<Strings, LaunchError> {
    let all = [&launch.name].into_iter().chain(&launch.arguments);
    let texts = all.map(|argument| text("argument", argument));
    texts.collect::<Result<_, _>>().map(Strings::new)
}

fn environment(launch: &Launch) -> Result<Strings, LaunchError> {
    let texts = launch.environment.iter().map(|(name, value)| {
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(invalid(
                "variable",
                name,
                "has no name that can be told from its value",
            ));
        }
        let mut both = name.clone();
        both.push("=");
        both.push(value);
        // The value is nobody's business.
        CString::new(both.as_bytes()).map_err(|_| invalid("variable", name, HAS_ZERO))
    });
    texts.collect::<Result<_, _>>().map(Strings::new)
}

fn text(what: &'static str, text: impl AsRef<OsStr>) -> Result<CString, LaunchError> {
    let text = text.as_ref();
    CString::new(text.as_bytes()).map_err(|_| invalid(what, text, HAS_ZERO))
}

fn refused(what: &'static str) -> impl Fn(Errno) -> LaunchError {
    move |errno| LaunchError::Prepare {
        what: what.to_owned(),
        source: io::Error::from(errno),
    }
}

fn unavailable(level: Level, missing: &'static str) -> LaunchError {
    LaunchError::Unavailable {
        level,
        missing,
        source: None,
    }
}

const HAS_ZERO: &str = "has a zero byte";
