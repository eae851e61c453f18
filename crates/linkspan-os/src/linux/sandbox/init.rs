//! The parent of a program: pid 1 in its namespace, or its keeper where there is none.
//!
//! It runs in a copy of the host's memory, so that no program of ours has to be found anywhere. It
//! gives back what it does not need of that, has no descriptor of the host's, and only makes system
//! calls.
#![expect(
    unsafe_code,
    reason = "gives memory back that the rest of the process was in"
)]

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Mode;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, setsid, umask, wait,
};
use rustix::system::sethostname;
use rustix::thread::set_name;

use super::landlock::Rights;
use super::mounts::{Mounts, PROC, TEMPORARY};
use super::prepare::Prepared;
use super::spare::Spare;
use super::status::{self, End};
use super::step::{At, Failure, Report, Step, report};
use super::{keeper, lifeline, program, raw};
use crate::linux::signals;

/// The life of a new process.
pub(super) fn run(prepared: &Prepared, spare: &Spare) -> ! {
    signals::reset_dispositions();
    let parent = match set_up(prepared) {
        Ok(parent) => parent,
        Err(failure) => {
            report(&prepared.report, Report::Failed(failure));
            raw::exit(1)
        }
    };
    // SAFETY: this is a copy of the thread that was asked what it can spare. From here on only the
    // parent is used, which is on the stack and holds nothing that was allocated.
    unsafe { spare.give_back() };
    parent.live()
}

/// What a program's parent needs once the program is on its way.
struct Parent {
    program: Pid,
    status: OwnedFd,
    lifeline: OwnedFd,
    has_namespace: bool,
}

impl Parent {
    /// Keeps these descriptors and closes all others.
    fn new(prepared: &Prepared, program: Pid) -> Result<Self, Errno> {
        let parent = Self {
            program,
            status: fcntl_dupfd_cloexec(&prepared.status, 0)?,
            lifeline: fcntl_dupfd_cloexec(&prepared.lifeline, 0)?,
            has_namespace: prepared.namespaces.has_pid(),
        };
        let mut kept = [&parent.status, &parent.lifeline].map(AsRawFd::as_raw_fd);
        kept.sort_unstable();
        raw::close_all_but(&kept)?;
        Ok(parent)
    }

    fn live(self) -> ! {
        let end = self.watch();
        if !self.has_namespace {
            keeper::end_all(self.program);
        }
        if let Ok(Some(end)) = end {
            status::tell(&self.status, end);
        }
        raw::exit(0)
    }

    /// Waits for the program's end, which is the answer, or that of the host; hands on the wish that
    /// the program may end, and waits for those whose parents have ended.
    fn watch(&self) -> Result<Option<End>, Errno> {
        let signals = raw::signal_descriptor()?;
        loop {
            let mut descriptors = [
                PollFd::new(&signals, PollFlags::IN),
                // Its end is told without being asked for.
                PollFd::new(&self.lifeline, PollFlags::empty()),
            ];
            match poll(&mut descriptors, None) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            let [_, lifeline] = &descriptors;
            if !lifeline.revents().is_empty() {
                return Ok(None);
            }
            if let Some(end) = self.handle_all(&signals)? {
                return Ok(Some(end));
            }
        }
    }

    fn handle_all(&self, signals: &OwnedFd) -> Result<Option<End>, Errno> {
        while let Some(signal) = raw::next_signal(signals) {
            let end = match signal {
                libc::SIGCHLD => reap(self.program)?,
                _ => None,
            };
            if end.is_some() {
                return Ok(end);
            }
            if signal == libc::SIGTERM {
                // If it has ended, that will be heard next.
                kill_process(self.program, Signal::TERM).ok();
            }
        }
        Ok(None)
    }
}

/// Goes on once the program runs, or has failed to.
fn set_up(prepared: &Prepared) -> Result<Parent, Failure> {
    raw::close_all_but(&prepared.kept).at(Step::Descriptors)?;
    set_name(c"linkspan-init").ok();
    setsid().at(Step::Session)?;
    if !lifeline::wait_for_word(&prepared.lifeline) {
        raw::exit(1);
    }
    umask(Mode::WGRP | Mode::WOTH);
    if let Some(mounts) = &prepared.mounts {
        move_in(prepared, mounts)?;
    }
    if prepared.namespaces.has_pid() {
        prepared.change.apply().at(Step::Identity)?;
        // Not before: the system forgets it with the identity.
        set_parent_process_death_signal(Some(Signal::KILL)).at(Step::Parent)?;
    } else {
        set_child_subreaper(Some(getpid())).at(Step::Keeper)?;
    }
    if lifeline::is_cut(&prepared.lifeline) {
        raw::exit(1);
    }
    let own = getpid();
    let program = raw::fork_into(&(prepared, own), |(prepared, own)| {
        program::run(prepared, *own)
    });
    Parent::new(prepared, program.at(Step::Fork)?).at(Step::Descriptors)
}

/// What belongs to the strict level alone.
fn move_in(prepared: &Prepared, mounts: &Mounts) -> Result<(), Failure> {
    // Not when it was forked: then it was not yet in the cgroup that it is to see as the first.
    if let Err(errno) = raw::enter_cgroup_namespace() {
        let step = Step::CgroupNamespace;
        report(&prepared.report, Report::LeftOut(Failure { step, errno }));
    }
    sethostname(b"plugin").at(Step::Mount)?;
    mounts.enter(&prepared.report)?;
    let Some(rules) = &prepared.landlock else {
        return Ok(());
    };
    let temporary = rules.allow_new(TEMPORARY, Rights::WRITE);
    temporary.at(Step::Landlock)?;
    rules.allow_new(PROC, Rights::LOOK).at(Step::Landlock)
}

/// How the program has ended, if it is among those that have.
fn reap(program: Pid) -> Result<Option<End>, Errno> {
    loop {
        let Some((pid, status)) = wait(WaitOptions::NOHANG)? else {
            return Ok(None);
        };
        if pid == program {
            let code = status.exit_status().map(End::Code);
            return Ok(code.or_else(|| status.terminating_signal().map(End::Signal)));
        }
    }
}
