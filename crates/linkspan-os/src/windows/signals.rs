//! What stands for signals where there are none.
#![expect(unsafe_code, reason = "calls the system")]

use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
use windows_sys::Win32::System::Threading::ExitProcess;

/// Ends this process as if by a signal: for `SIGINT` (2) with the code of a ^C that nobody handled,
/// 0xC000013A, for others with 128 + `signal`. Nothing is flushed and no destructor runs.
pub fn die_by_signal(signal: i32) -> ! {
    let code = match signal {
        SIGINT => STATUS_CONTROL_C_EXIT.cast_unsigned(),
        _ => 128_i32.saturating_add(signal).cast_unsigned(),
    };
    // SAFETY: ends this process, whatever state it is in.
    unsafe { ExitProcess(code) }
}

/// No effect: Windows has no SIGPIPE.
pub fn reset_sigpipe() {}

/// No effect: on Windows, writing to a pipe that nobody reads is always just an error.
pub fn ignore_sigpipe() {}

const SIGINT: i32 = 2;
