//! A program that was launched, from the host's side.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use super::cgroup::Cgroup;
use super::identity::Change;
use super::launcher;
use super::status::{self, End};
use super::table::ProcessTable;
use crate::sandbox::{Exit, Usage};
use crate::unix::wait::readable_before;

/// A program and its parent.
#[derive(Debug)]
pub(crate) struct Running {
    /// Taken only when this is dropped.
    tree: Option<Tree>,
    program: Main,
    status: OwnedFd,
    limit_bytes: Option<u64>,
    /// Why it was ended from here.
    reason: Option<Exit>,
    exit: Option<Exit>,
}

/// The process that has become the program.
#[derive(Debug)]
pub(super) struct Main {
    pub(super) pid: Pid,
    pub(super) handle: OwnedFd,
}

/// All processes of a program, and what is theirs until they have ended.
#[derive(Debug)]
pub(super) struct Tree {
    /// The init or keeper: once that has ended, all have.
    pub(super) handle: OwnedFd,
    pub(super) pid: Pid,
    pub(super) has_namespace: bool,
    pub(super) lifeline: Option<OwnedFd>,
    /// Whether something of the program may run already.
    pub(super) is_let_go: bool,
    pub(super) cgroup: Option<Cgroup>,
    /// Whoever they are must not be lent before.
    pub(super) change: Change,
}

impl Tree {
    /// Ends all of it.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if let Some(cgroup) = &self.cgroup {
            // Older systems cannot.
            cgroup.kill().ok();
        }
        self.lifeline = None;
        if self.has_namespace {
            return send(&self.handle, Signal::KILL);
        }
        // A keeper that was stopped could not keep its word.
        send(&self.handle, Signal::CONT)
    }

    /// Whether it has, of which the system is told once.
    pub(super) fn has_ended(&mut self) -> bool {
        // The one that was forked signals nothing, and is found only by those who ask for all kinds.
        let all = WaitIdOptions::from_bits_retain(libc::__WALL.unsigned_abs());
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | all;
        !matches!(
            waitid(WaitId::PidFd(self.handle.as_fd()), options),
            Ok(None) | Err(Errno::INTR)
        )
    }
}

impl Tree {
    /// Ends all of it, and leaves it to another thread to wait for that.
    fn end(mut self) {
        if !self.has_ended() {
            // Nobody is there to be told; the lifeline is cut in any case.
            self.kill().ok();
            launcher::reap(self);
        }
    }

    /// The same, after a moment in which it is waited for here.
    pub(super) fn give_up(mut self) {
        self.kill().ok();
        let has_ended = readable_before(&self.handle, Instant::now() + MAX_END);
        if !self.is_let_go && !matches!(has_ended, Ok(true)) {
            // It hangs, and keeps nobody yet: who waits for a word from here ends without it.
            send(&self.handle, Signal::KILL).ok();
            readable_before(&self.handle, Instant::now() + MAX_END).ok();
        }
        self.end();
    }

    /// It is cut only when all of it is ended.
    pub(super) fn lifeline(&self) -> Option<&OwnedFd> {
        self.lifeline.as_ref()
    }
}

impl Running {
    pub(super) fn new(
        tree: Tree,
        program: Main,
        status: OwnedFd,
        limit_bytes: Option<u64>,
    ) -> Self {
        Self {
            tree: Some(tree),
            program,
            status,
            limit_bytes,
            reason: None,
            exit: None,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        number(self.program.pid)
    }

    pub(crate) fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        if self.exit.is_none() && self.tree_mut()?.has_ended() {
            self.exit = Some(self.reason());
        }
        Ok(self.exit)
    }

    pub(crate) fn wait(&mut self, deadline: Instant) -> io::Result<Option<Exit>> {
        if self.exit.is_none() {
            readable_before(&self.tree()?.handle, deadline)?;
        }
        self.try_wait()
    }

    pub(crate) fn terminate(&self) -> io::Result<()> {
        send(&self.program.handle, Signal::TERM)
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.end_for(Exit::Killed)
    }

    pub(crate) fn usage(&self, processes: &ProcessTable) -> io::Result<Usage> {
        let tree = self.tree()?;
        if let Some(cgroup) = &tree.cgroup {
            return Ok(cgroup.usage());
        }
        if self.exit.is_some() {
            return Ok(Usage::default());
        }
        Ok(processes.usage_below(number(tree.pid)))
    }

    pub(crate) fn check(&mut self, processes: &ProcessTable) -> io::Result<Usage> {
        let usage = self.usage(processes)?;
        let limit_bytes = self.limit_bytes.filter(|limit| usage.memory_bytes > *limit);
        if let Some(limit_bytes) = limit_bytes
            && self.tree()?.cgroup.is_none()
        {
            self.end_for(Exit::OutOfMemory { limit_bytes })?;
        }
        Ok(usage)
    }

    fn end_for(&mut self, reason: Exit) -> io::Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        self.reason.get_or_insert(reason);
        self.tree_mut()?.kill()
    }

    /// To be asked once all of it has ended.
    fn reason(&self) -> Exit {
        let cgroup = self.tree.as_ref().and_then(|tree| tree.cgroup.as_ref());
        if let Some(limit_bytes) = cgroup.and_then(Cgroup::exceeded_memory_bytes) {
            return Exit::OutOfMemory { limit_bytes };
        }
        match (status::heard(&self.status), self.reason) {
            // It had ended before it was killed.
            (Some(End::Code(code)), _) => Exit::Code(code),
            (Some(End::Signal(signal)), None) => Exit::Signal(signal),
            (_, Some(reason)) => reason,
            (None, None) => Exit::Signal(libc::SIGKILL),
        }
    }

    fn tree(&self) -> io::Result<&Tree> {
        self.tree
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn tree_mut(&mut self) -> io::Result<&mut Tree> {
        self.tree
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tree
            .as_ref()
            .map_or_else(|| self.program.handle.as_fd(), |tree| tree.handle.as_fd())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit.is_none()
            && let Some(tree) = self.tree.take()
        {
            tree.end();
        }
    }
}

fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// Who has ended needs no signal.
fn send(process: &OwnedFd, signal: Signal) -> io::Result<()> {
    match pidfd_send_signal(process, signal) {
        Err(Errno::SRCH) => Ok(()),
        result => Ok(result?),
    }
}

const MAX_END: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::super::raw;
    use super::*;

    #[test]
    fn a_keeper_that_hears_nothing_is_given_up_nevertheless() {
        let forked = raw::fork_with_handle(0).unwrap();
        let Some((pid, handle)) = forked else {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).ok();
            loop {
                rustix::event::pause();
            }
        };
        let seen = handle.try_clone().unwrap();
        let tree = Tree {
            handle,
            pid,
            has_namespace: false,
            lifeline: None,
            is_let_go: false,
            cgroup: None,
            change: Change::None,
        };
        assert!(!readable_before(&seen, Instant::now()).unwrap());
        tree.give_up();
        assert!(readable_before(&seen, Instant::now()).unwrap());
    }
}
