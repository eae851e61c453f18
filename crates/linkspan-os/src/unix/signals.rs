//! What signals do to this process.
#![expect(unsafe_code, reason = "calls the system")]

use std::mem::MaybeUninit;
use std::ptr;

#[cfg(target_os = "linux")]
use crate::linux::signals as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::signals_portable as sys;

/// The signal by which a process goes on that was suspended, as by ^Z. Its number is not the same on
/// all systems.
pub const SIGCONT: i32 = libc::SIGCONT;

/// Ends this process by a signal, as if nobody had handled it, so that whoever waits for it sees
/// that: a shell then ends its script, too.
///
/// Nothing is flushed and no destructor runs. A signal that does not end processes, or that the
/// first process of a container does not get, becomes the exit code 128 + `signal`.
///
/// # Platform notes
///
/// Windows has no signals: there the process ends with the code of an unhandled ^C for `SIGINT` (2),
/// with 128 + `signal` for others.
pub fn die_by_signal(signal: i32) -> ! {
    set_disposition(signal, libc::SIG_DFL);
    let mut set = empty_set();
    // SAFETY: the set is a local that was initialised; a number that is no signal is refused.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: the set lives on, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
    // SAFETY: the signal has its default effect, so no code of this process runs.
    unsafe { libc::raise(signal) };
    // SAFETY: runs no handlers and no destructors.
    unsafe { libc::_exit(128_i32.saturating_add(signal)) }
}

/// Whether this process was started to ignore a signal, as by `nohup`, or has decided so since.
pub fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action it only writes to the local.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: it is made of numbers, for which zero is a value, whether or not it was written to.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Gives SIGPIPE its default effect: writing to a pipe that nobody reads ends this process.
///
/// # Platform notes
///
/// No effect on Windows, which has no such signal.
pub fn reset_sigpipe() {
    set_disposition(libc::SIGPIPE, libc::SIG_DFL);
}

/// Makes writing to a pipe that nobody reads an error and nothing else, as the Rust runtime does
/// for every program.
///
/// # Platform notes
///
/// No effect on Windows, where it is so anyway.
pub fn ignore_sigpipe() {
    set_disposition(libc::SIGPIPE, libc::SIG_IGN);
}

/// All signals with their default effect and none held back. Can be called between fork and exec.
pub(crate) fn reset() {
    sys::reset_dispositions();
    let none = empty_set();
    // SAFETY: the set lives on, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
}

fn set_disposition(signal: i32, disposition: libc::sighandler_t) {
    // SAFETY: none of the two dispositions is code of this process. What is no signal, and those
    // that cannot be changed, are refused.
    unsafe { libc::signal(signal, disposition) };
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the pointer is to a local of that type.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: the call above has initialised it; it cannot fail.
    unsafe { set.assume_init() }
}
