//! How much of the machine a program may use.

/// How much of the machine a program may use, with all that it starts. `None` is no limit of ours.
///
/// Memory, processes and processor hold exactly in a cgroup ([`Launch::cgroup`]). Without one they
/// are held by weaker means, which [`Applied::weaknesses`] names.
///
/// [`Launch::cgroup`]: crate::sandbox::Launch::cgroup
/// [`Applied::weaknesses`]: crate::sandbox::Applied::weaknesses
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory in bytes. In a cgroup the system ends the program that exceeds it. Without, no process
    /// gets more private memory than this, and [`Running::check`](crate::sandbox::Running::check)
    /// ends all of them when together they have more; then what is shared counts as mapped, and there are
    /// no files in memory (`memfd_create`), which would count with nobody. Default: none.
    pub memory_bytes: Option<u64>,
    /// Processors, parts of one included. Without a cgroup it runs on so many whole ones, rounded up,
    /// with low priority. Default: none.
    pub cpu_cores: Option<f64>,
    /// Processor time of one process, in seconds; it is ended by SIGXCPU. Default: none.
    pub cpu_seconds: Option<u64>,
    /// Processes and threads at once. Where the program has neither a cgroup nor a user or user
    /// namespace of its own, it is not limited. Default: none.
    pub processes: Option<u64>,
    /// Descriptors that one process has open. Default: what this process may have.
    pub open_files: Option<u64>,
    /// The largest file that it can make, in bytes. Default: none.
    pub file_bytes: Option<u64>,
    /// Room in its own file system at [`Level::Strict`](crate::sandbox::Level::Strict), in bytes of
    /// the machine's memory. Granted paths have no such limit. Default: 64 MiB.
    pub disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: None,
            cpu_cores: None,
            cpu_seconds: None,
            processes: None,
            open_files: None,
            file_bytes: None,
            disk_bytes: 64 << 20,
        }
    }
}
