//! Facts about this process.

use std::io;

use rustix::process::{Resource, getrlimit};

/// As whom this process runs.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// How many descriptors this process may have open; `None` without limit.
pub fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Whether an error means that this process or the system is out of descriptors or memory for
/// sockets: nothing is wrong with the connection, and trying again later may help.
pub fn is_descriptor_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}
