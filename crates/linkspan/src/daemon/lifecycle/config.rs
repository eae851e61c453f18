//! Settings of how daemons come and go.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How a daemon is started, kept, replaced and ended. Client and daemon need the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LifecycleConfig {
    /// Where the directories of all daemons are made, in `daemons`. Default: none, which is the
    /// user's runtime directory (`$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/linkspan` or
    /// `/tmp/linkspan-UID`). A new daemon is told by `$RUNTIME_DIRECTORY`.
    pub runtime_directory: Option<PathBuf>,
    /// The program that is started as the daemon. Default: none, which is the client's own.
    pub executable: Option<PathBuf>,
    /// Variables that a new daemon takes over from the client that starts it; all others it does not
    /// get. Default: `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `TZ`, `TMPDIR`, `RUST_BACKTRACE`,
    /// `RUST_LOG` and `XDG_RUNTIME_DIR`. What differs between callers belongs to
    /// the command's own environment.
    pub daemon_environment: Vec<OsString>,
    /// What happens when client and daemon are of different builds. Default: replace.
    pub build_policy: BuildPolicy,
    /// Older daemons that may still finish commands when one more is to be replaced; then the client
    /// waits. Default: 8.
    pub max_drainers: usize,
    /// Longest pause before a start after more than three daemons have crashed in a row, each less than
    /// a minute after its start. Pauses are a random part of a limit that doubles up to this; half of
    /// [`Config::spawn_timeout`](crate::daemon::Config::spawn_timeout) is not exceeded either.
    /// Default: 2 s.
    pub max_crash_pause: Duration,
    /// Length of the log from which on it is turned over, in bytes. Default: 1 MiB. It is looked at
    /// each [`check_interval`](Self::check_interval), so a file can be longer by what is written
    /// meanwhile. Nothing is lost when it is turned over.
    pub max_log_bytes: u64,
    /// Logs that are kept besides the present one; older ones are removed. Default: 3.
    pub kept_logs: u32,
    /// How often a daemon looks whether its socket, directory and program are still there; if not, it
    /// ends. Default: 5 s.
    pub check_interval: Duration,
}

/// What happens when client and daemon are of different builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BuildPolicy {
    /// The daemon takes no further commands, finishes those that run, and ends; a new one of the
    /// client's build is there at once. So a rebuilt tool runs its new code.
    #[default]
    Replace,
    /// The client uses the daemon as it is: the application declares that its builds are compatible.
    Share,
}

impl Default for LifecycleConfig {
    fn default() -> Self {
        Self {
            runtime_directory: None,
            executable: None,
            daemon_environment: INHERITED.map(OsString::from).to_vec(),
            build_policy: BuildPolicy::Replace,
            max_drainers: 8,
            max_crash_pause: Duration::from_secs(2),
            max_log_bytes: 1024 * 1024,
            kept_logs: 3,
            check_interval: Duration::from_secs(5),
        }
    }
}

const INHERITED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "TMPDIR",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "XDG_RUNTIME_DIR",
    // Windows programs do not start without these.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "LOCALAPPDATA",
];
