//! Signals on systems where nothing better is known.
#![expect(unsafe_code, reason = "calls the system")]

/// All signals with their default effect. Can be called after a fork.
pub(crate) fn reset_dispositions() {
    for signal in 1..=MAX_SIGNAL {
        // SAFETY: the default effect is no code of this process. What is no signal, and those that
        // cannot be changed, are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Not less than any system has.
const MAX_SIGNAL: i32 = 128;
