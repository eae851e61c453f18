//! The one thread that forks, and waits for those that nobody waits for any more.
//!
//! It lives as long as this process. The system ends a process together with the *thread* that is its
//! parent, if it was asked to; so that thread must not be one of a pool.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::init;
use super::prepare::Prepared;
use super::raw;
use super::running::Tree;
use super::spare::Spare;

/// A new process, by both its names.
pub(super) struct Forked {
    pub(super) pid: Pid,
    pub(super) handle: OwnedFd,
    /// What it was made with, so that this can be kept or tried again.
    pub(super) prepared: Prepared,
}

/// Forks a process that runs what was prepared.
pub(super) fn fork(prepared: Prepared) -> io::Result<Result<Forked, Errno>> {
    let (answer, answered) = sync_channel(1);
    let gone = |_| io::Error::other("the thread that forks has ended");
    sender()?
        .send(Request::Fork(Box::new(prepared), answer))
        .map_err(|_| gone(()))?;
    answered.recv().map_err(|_| gone(()))
}

/// Waits for the end of what was killed, on that thread.
pub(super) fn reap(tree: Tree) {
    if let Ok(sender) = sender() {
        // Were it gone, so would this process soon be.
        sender.send(Request::Reap(tree)).ok();
    }
}

enum Request {
    Fork(Box<Prepared>, SyncSender<Result<Forked, Errno>>),
    Reap(Tree),
}

fn sender() -> io::Result<SyncSender<Request>> {
    static SENDER: Mutex<Option<SyncSender<Request>>> = Mutex::new(None);
    let mut current = SENDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(sender) = &*current {
        return Ok(sender.clone());
    }
    let (sender, requests) = sync_channel(MAX_REQUESTS);
    thread::Builder::new()
        .name("linkspan-launch".to_owned())
        .spawn(move || serve(&requests))?;
    Ok(current.insert(sender).clone())
}

fn serve(requests: &Receiver<Request>) {
    // New processes have this mask, too: no handler of this process ever runs in one of them.
    raw::block_signals();
    let spare = Spare::of_this_thread();
    let mut ending: Vec<Tree> = Vec::new();
    loop {
        ending.retain_mut(|tree| !tree.has_ended());
        let request = if ending.is_empty() {
            requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            requests.recv_timeout(REAP_EVERY)
        };
        match request {
            Ok(Request::Fork(prepared, answer)) => {
                // Whoever asked waits for the answer.
                answer.send(fork_here(*prepared, &spare)).ok();
            }
            Ok(Request::Reap(tree)) => ending.push(tree),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn fork_here(prepared: Prepared, spare: &Spare) -> Result<Forked, Errno> {
    match raw::fork_with_handle(prepared.namespaces.0)? {
        None => init::run(&prepared, spare),
        Some((pid, handle)) => Ok(Forked {
            pid,
            handle,
            prepared,
        }),
    }
}

const MAX_REQUESTS: usize = 64;
const REAP_EVERY: Duration = Duration::from_millis(20);
