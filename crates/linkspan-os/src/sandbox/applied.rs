//! What was really done to confine a program.

use std::fmt;
use std::path::PathBuf;

use crate::sandbox::{Level, Network};

/// What was really done to confine a program; not what was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// The level that was reached; never less than was asked for.
    pub level: Level,
    /// As whom it runs.
    pub identity: Identity,
    /// Whether it has a pid namespace, with which all of it ends.
    pub has_pid_namespace: bool,
    /// The version of Landlock that holds it; `None` if nothing does.
    pub landlock_abi: Option<u32>,
    /// Whether it can make only system calls from a list.
    pub filters_calls: bool,
    /// Where it can connect to; `None` is wherever this user can.
    pub network: Option<Network>,
    /// Its cgroup.
    pub cgroup: Option<PathBuf>,
    /// What is weaker than it could be, for people.
    pub weaknesses: Vec<Weakness>,
}

/// As whom a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// As this process.
    Same,
    /// As a user that nobody else is, without rights. What it is granted, this user has to be
    /// allowed to use.
    Own {
        /// The number of that user, and of its group.
        uid: u32,
    },
    /// As the user of this process for files, but in a user namespace, without any right of that
    /// user's.
    Namespace {
        /// The number that it sees as its own.
        uid: u32,
    },
}

/// Something that is weaker than the level's best.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Weakness {
    /// Programs are trusted, at [`Level::None`].
    Unconfined,
    /// A keeper ends what it finds, instead of the system ending a pid namespace.
    NoPidNamespace,
    /// If this process is killed, it goes on; it should end when its descriptors do.
    MayOutliveHost,
    /// It sees no `/proc`, not even of itself, as the system does not let one be mounted.
    NoProc,
    /// It can see which cgroup it is in.
    NoCgroupNamespace,
    /// Files are kept from it by namespaces alone.
    NoLandlock,
    /// Landlock is older than it could be: below 3 files can be cut short where they cannot be
    /// written, below 6 only namespaces keep signals and abstract sockets from it.
    OldLandlock {
        /// Its version.
        abi: u32,
    },
    /// It is in the host's network; Landlock holds it to the ports that it was granted.
    SharedNetwork,
    /// Memory is limited for each process, and for all of them only as often as somebody looks.
    MemoryBySampling,
    /// Processors are limited in whole ones, which it shares with others.
    ProcessorsByAffinity,
    /// The number of processes is not limited.
    ProcessesNotLimited,
    /// It may see processes, and can read all of `/proc` that its user may.
    WholeProc,
    /// It may see processes, but the system shows nobody those of others (`hidepid`).
    HiddenProcesses,
    /// What it is granted to write to has no quota.
    NoQuota,
    /// The program was started by its path, and may be another than was looked at.
    ProgramByPath,
}

impl fmt::Display for Weakness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unconfined => "the program is trusted like its user",
            Self::NoPidNamespace => "without a pid namespace, a keeper ends what it finds",
            Self::MayOutliveHost => "nothing ends it when this process is killed",
            Self::NoProc => "no /proc, as it cannot be mounted here",
            Self::NoCgroupNamespace => "the host's cgroups can be seen",
            Self::NoLandlock => "this system has no Landlock, so namespaces alone hide files",
            Self::OldLandlock { abi } => {
                return write!(formatter, "Landlock has version {abi}, 6 holds more");
            }
            Self::SharedNetwork => "the host's network, held to ports by Landlock",
            Self::MemoryBySampling => "memory by RLIMIT_DATA and sampling, not by a cgroup",
            Self::ProcessorsByAffinity => "processors by affinity and priority, not by a cgroup",
            Self::ProcessesNotLimited => "the number of processes is not limited",
            Self::WholeProc => "all of /proc can be read, not only the processes",
            Self::HiddenProcesses => "the system hides the processes of others from it (hidepid)",
            Self::NoQuota => "granted paths have no quota",
            Self::ProgramByPath => "the program is found by its path again",
        };
        formatter.write_str(text)
    }
}
