//! From a description to a running program.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};

use super::cgroup::Cgroup;
use super::identity::Change;
use super::landlock;
use super::launcher::{self, Forked};
use super::lifeline::give_word;
use super::prepare::{Decided, HostEnds, Namespaces, prepare};
use super::processes;
use super::running::{Main, Running, Tree};
use super::step::{self, Failure, Report, Step};
use crate::sandbox::{
    Applied, Launch, LaunchError, Level, Network, Output, Running as Launched, Weakness,
};
use crate::unix::wait::readable_before;

pub(crate) fn launch(launch: &Launch) -> Result<Launched, LaunchError> {
    let deadline = Instant::now() + MAX_SET_UP;
    let landlock_abi = landlock::abi().filter(|_| launch.level > Level::None);
    check_landlock(launch, landlock_abi)?;
    let cgroup = create_cgroup(launch)?;
    let Begun {
        forked,
        host,
        mut applied,
    } = begin(launch, landlock_abi, cgroup.as_ref())?;
    let mut tree = Tree {
        handle: forked.handle,
        pid: forked.pid,
        has_namespace: applied.has_pid_namespace,
        lifeline: Some(host.lifeline),
        is_let_go: false,
        cgroup,
        change: forked.prepared.into_change(),
    };
    match lead(&mut tree, &host.report, deadline) {
        Ok((program, left_out)) => {
            applied.weaknesses.extend(left_out);
            let running = Running::new(tree, program, host.status, launch.limits.memory_bytes);
            let (stdout, stderr) = (host.stdout, host.stderr);
            Ok(Launched::new(running, applied, Output { stdout, stderr }))
        }
        Err(error) => {
            tree.give_up();
            Err(error)
        }
    }
}

fn check_landlock(launch: &Launch, abi: Option<u32>) -> Result<(), LaunchError> {
    let needed = match (launch.level, &launch.network) {
        (Level::Basic | Level::Strict, Network::TcpPorts(_)) => 4,
        (Level::Basic, Network::Isolated) => 1,
        _ => 0,
    };
    if abi.unwrap_or(0) >= needed {
        return Ok(());
    }
    Err(LaunchError::Unavailable {
        level: launch.level,
        missing: match needed {
            4 => "Landlock from version 4 on, which knows of TCP ports",
            _ => "Landlock",
        },
        source: None,
    })
}

fn create_cgroup(launch: &Launch) -> Result<Option<Cgroup>, LaunchError> {
    let Some(parent) = &launch.cgroup else {
        return Ok(None);
    };
    let cgroup = Cgroup::create(parent, &launch.limits);
    cgroup.map(Some).map_err(|source| LaunchError::Prepare {
        what: format!("a cgroup in {}", parent.display()),
        source,
    })
}

/// A new process that waits for a word.
struct Begun {
    forked: Forked,
    host: HostEnds,
    applied: Applied,
}

/// In the best way that the level allows and the system does not refuse.
fn begin(
    launch: &Launch,
    landlock_abi: Option<u32>,
    cgroup: Option<&Cgroup>,
) -> Result<Begun, LaunchError> {
    let change = match launch.level {
        Level::None => Change::None,
        Level::Basic | Level::Strict => Change::choose(&launch.uids),
    };
    let decided = Decided {
        namespaces: Namespaces::of(launch, &change),
        change,
        landlock_abi,
        has_cgroup: cgroup.is_some(),
    };
    match fork(launch, decided, cgroup) {
        Err(unavailable @ LaunchError::Unavailable { .. })
            if launch.level == Level::Basic && landlock_abi >= Some(ABI_WITH_SCOPES) =>
        {
            let change = match Change::choose(&launch.uids) {
                // Root of some container owns what is in it.
                Change::Namespace { .. } if geteuid().is_root() => return Err(unavailable),
                Change::Namespace { .. } => Change::Stripped,
                change => change,
            };
            let decided = Decided {
                namespaces: Namespaces::none(),
                change,
                landlock_abi,
                has_cgroup: cgroup.is_some(),
            };
            fork(launch, decided, cgroup)
        }
        result => result,
    }
}

fn fork(launch: &Launch, decided: Decided, cgroup: Option<&Cgroup>) -> Result<Begun, LaunchError> {
    let applied = applied(launch, &decided, cgroup);
    let (prepared, host) = prepare(launch, decided)?;
    let new_process = |source| LaunchError::Prepare {
        what: "a new process".to_owned(),
        source,
    };
    match launcher::fork(prepared).map_err(new_process)? {
        Ok(forked) => Ok(Begun {
            forked,
            host,
            applied,
        }),
        // What containers, limits and old systems answer.
        Err(errno @ (Errno::PERM | Errno::INVAL | Errno::NOSPC | Errno::USERS | Errno::NOSYS))
            if launch.level > Level::None =>
        {
            Err(LaunchError::Unavailable {
                level: launch.level,
                missing: "namespaces",
                source: Some(errno.into()),
            })
        }
        Err(errno) => Err(new_process(errno.into())),
    }
}

fn applied(launch: &Launch, decided: &Decided, cgroup: Option<&Cgroup>) -> Applied {
    let is_confined = launch.level > Level::None;
    Applied {
        level: launch.level,
        identity: decided.change.identity(),
        has_pid_namespace: decided.namespaces.has_pid(),
        landlock_abi: decided.landlock_abi,
        filters_calls: is_confined,
        network: is_confined.then(|| launch.network.clone()),
        cgroup: cgroup.map(|cgroup| cgroup.path().to_owned()),
        weaknesses: weaknesses(launch, decided),
    }
}

fn weaknesses(launch: &Launch, decided: &Decided) -> Vec<Weakness> {
    use crate::sandbox::Access;
    let limits = &launch.limits;
    let is_confined = launch.level > Level::None;
    let has_ports = launch.network != Network::Isolated;
    let writes = launch.grants.iter().any(|g| g.access == Access::Write);
    let is_loose = !decided.has_cgroup;
    let counts = decided.own_processes().is_some();
    let landlock = match decided.landlock_abi {
        None => Some(Weakness::NoLandlock),
        Some(abi) if abi < ABI_WITH_SCOPES => Some(Weakness::OldLandlock { abi }),
        Some(_) => None,
    };
    let candidates = [
        (!is_confined, Weakness::Unconfined),
        (!decided.namespaces.has_pid(), Weakness::NoPidNamespace),
        (is_confined && has_ports, Weakness::SharedNetwork),
        (
            is_loose && limits.memory_bytes.is_some(),
            Weakness::MemoryBySampling,
        ),
        (
            is_loose && limits.cpu_cores.is_some(),
            Weakness::ProcessorsByAffinity,
        ),
        (
            is_loose && limits.processes.is_some() && !counts,
            Weakness::ProcessesNotLimited,
        ),
        (is_confined && writes, Weakness::NoQuota),
        (
            launch.level == Level::Basic && launch.sees_processes,
            Weakness::WholeProc,
        ),
        (
            is_confined && launch.sees_processes && processes::are_hidden(),
            Weakness::HiddenProcesses,
        ),
    ];
    let found = candidates.into_iter().filter(|(holds, _)| *holds);
    let landlock = landlock.filter(|_| is_confined);
    found
        .map(|(_, weakness)| weakness)
        .chain(landlock)
        .collect()
}

/// Leads a new process until it has become the program: who it is, and what was left out on the way.
fn lead(
    tree: &mut Tree,
    reports: &OwnedFd,
    deadline: Instant,
) -> Result<(Main, Vec<Weakness>), LaunchError> {
    let prepare = |what: &'static str| {
        move |source| LaunchError::Prepare {
            what: what.to_owned(),
            source,
        }
    };
    if let Some(cgroup) = &tree.cgroup {
        cgroup
            .add(tree.pid)
            .map_err(prepare("the program's cgroup"))?;
    }
    let maps = tree.change.write_maps(tree.pid);
    maps.map_err(prepare("the program's user namespace"))?;
    let mut left_out = Vec::new();
    give_word(tree.lifeline()).map_err(|_| LaunchError::Vanished)?;
    let pid = loop {
        match next(reports, deadline)? {
            Some((Report::Begun, Some(pid))) => break pid,
            Some((Report::LeftOut(failure), _)) => left_out.extend(weakness(failure)),
            Some((Report::Failed(failure), _)) => return Err(failed(failure)),
            Some((Report::Begun, None)) | None => return Err(LaunchError::Vanished),
        }
    };
    // It waits for a word, and whoever would be told of its end is its parent: so this is it.
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| LaunchError::Vanished)?;
    tree.is_let_go = true;
    give_word(tree.lifeline()).map_err(|_| LaunchError::Vanished)?;
    while let Some((report, _)) = next(reports, deadline)? {
        if let Report::Failed(failure) = report {
            return Err(failed(failure));
        }
    }
    Ok((Main { pid, handle }, left_out))
}

fn next(
    reports: &OwnedFd,
    deadline: Instant,
) -> Result<Option<(Report, Option<Pid>)>, LaunchError> {
    let what = || "the reports of a new process".to_owned();
    let io = |source: io::Error| LaunchError::Prepare {
        what: what(),
        source,
    };
    if !readable_before(reports, deadline).map_err(io)? {
        return Err(LaunchError::Deadline);
    }
    step::receive(reports).map_err(io)
}

fn failed(failure: Failure) -> LaunchError {
    LaunchError::Step {
        step: failure.step.text(),
        source: failure.errno.into(),
    }
}

fn weakness(failure: Failure) -> Option<Weakness> {
    match failure.step {
        Step::Proc => Some(Weakness::NoProc),
        Step::CgroupNamespace => Some(Weakness::NoCgroupNamespace),
        _ => None,
    }
}

/// From this version on Landlock holds signals and abstract sockets as well.
const ABI_WITH_SCOPES: u32 = 6;
const MAX_SET_UP: Duration = Duration::from_secs(30);
