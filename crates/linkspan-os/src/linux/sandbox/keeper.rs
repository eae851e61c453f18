//! How a keeper ends what it has started, without a namespace that ends at once.
//!
//! Whoever loses its parent becomes the keeper's child, as that is the next subreaper. So its
//! children are ended until it has none. All of this only makes system calls.

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group, waitid,
};
use rustix::thread::{NanosleepRelativeResult, nanosleep};
use rustix::time::Timespec;

use super::table::each_process;

/// Ends all descendants of this process, the program's session first.
pub(super) fn end_all(program: Pid) {
    kill_process_group(program, Signal::KILL).ok();
    let mut idle = 0;
    while idle < MAX_IDLE_ROUNDS {
        match reap_all() {
            Reaped::NobodyIsLeft => return,
            Reaped::Some => idle = 0,
            Reaped::None => idle += 1,
        }
        end_children(program);
        pause();
    }
}

fn end_children(program: Pid) {
    let own = getpid().as_raw_nonzero().get().unsigned_abs();
    let looked = each_process(|process| {
        let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| process.parent == own) {
            kill_process(pid, Signal::KILL).ok();
        }
    });
    if looked.is_err() {
        // Nothing better can be done where /proc is not to be read.
        kill_process_group(program, Signal::KILL).ok();
    }
}

enum Reaped {
    Some,
    None,
    NobodyIsLeft,
}

fn reap_all() -> Reaped {
    let mut reaped = Reaped::None;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    loop {
        match waitid(WaitId::All, options) {
            Ok(Some(_)) => reaped = Reaped::Some,
            Err(Errno::CHILD) => return Reaped::NobodyIsLeft,
            Ok(None) | Err(_) => return reaped,
        }
    }
}

fn pause() {
    let time = Timespec {
        tv_sec: 0,
        tv_nsec: 1_000_000,
    };
    let _: NanosleepRelativeResult = nanosleep(&time);
}

/// Ten seconds: who is not gone by then waits for something in the system, and cannot be ended.
const MAX_IDLE_ROUNDS: u32 = 10_000;
