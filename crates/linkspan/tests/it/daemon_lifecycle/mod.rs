//! Daemons that start themselves, as real processes: the example `daemon`, called as users call it.

mod bed;
mod builds;
#[cfg(unix)]
mod cancelled;
#[cfg(windows)]
mod console;
mod crash_rows;
mod crashes;
#[cfg(unix)]
mod ends;
mod failures;
#[cfg(unix)]
mod hostile;
mod library;
mod logs;
#[cfg(unix)]
mod pty;
mod races;
#[cfg(unix)]
mod signals;
mod streams;
#[cfg(unix)]
mod terminal;
