//! Terminals.
#![expect(unsafe_code, reason = "calls the system")]

use std::os::windows::io::{AsHandle, AsRawHandle};

use windows_sys::Win32::System::Console::{CONSOLE_SCREEN_BUFFER_INFO, GetConsoleScreenBufferInfo};

use crate::TerminalSize;

/// How large a terminal is: the part of its output that is shown; `None` if this is not its output.
pub fn terminal_size(stream: impl AsHandle) -> Option<TerminalSize> {
    let mut facts = CONSOLE_SCREEN_BUFFER_INFO::default();
    let handle = stream.as_handle().as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed, and the pointer is to a local.
    let result = unsafe { GetConsoleScreenBufferInfo(handle, &raw mut facts) };
    let window = facts.srWindow;
    let length = |first: i16, last: i16| u16::try_from(i32::from(last) - i32::from(first) + 1).ok();
    let columns = length(window.Left, window.Right)?;
    let rows = length(window.Top, window.Bottom)?;
    (result != 0).then(|| TerminalSize::known(columns, rows))?
}
