//! Daemons that start themselves, as real processes: the example `daemon`, called as users call it.

mod bed;
#[cfg(target_os = "linux")]
mod birth;
mod builds;
#[cfg(unix)]
mod bulk;
#[cfg(unix)]
mod cancelled;
#[cfg(windows)]
mod console;
mod crash_rows;
mod crashes;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod drainers;
#[cfg(unix)]
mod ends;
mod failures;
#[cfg(unix)]
mod hostile;
mod library;
mod logs;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(unix)]
mod pty;
mod races;
#[cfg(unix)]
mod readiness;
#[cfg(windows)]
mod replaced;
#[cfg(target_os = "linux")]
mod residue;
#[cfg(unix)]
mod signals;
mod streams;
#[cfg(unix)]
mod terminal;
