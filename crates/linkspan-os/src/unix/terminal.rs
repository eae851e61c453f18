//! Terminals.

use std::os::fd::AsFd;

use crate::TerminalSize;

/// How large a terminal is; `None` if this is not one, or does not know.
pub fn terminal_size(stream: impl AsFd) -> Option<TerminalSize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    TerminalSize::known(size.ws_col, size.ws_row)
}
