//! Signals, by calls that take no lock: a process that was forked off one with threads would wait for
//! ever for one that another thread held.
#![expect(unsafe_code, reason = "calls the system")]

use std::ptr;

/// All signals with their default effect. Can be called after a fork.
///
/// From 2.41 on glibc's `sigaction` takes a lock, so the system is asked by number.
pub(crate) fn reset_dispositions() {
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the pointer leads to more bytes than the system reads. The default effect is no code
        // of this process. What cannot be changed is refused.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                DEFAULT.as_ptr(),
                ptr::null_mut::<u64>(),
                SET_BYTES,
            )
        };
    }
}

/// `struct sigaction` of the kernel, whose fields have another order on each kind of machine. All of
/// it zero is the default effect with no flag and an empty mask.
static DEFAULT: [u64; 8] = [0; 8];
const SET_BYTES: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    16
} else {
    8
};
const LAST_SIGNAL: usize = SET_BYTES * 8;
