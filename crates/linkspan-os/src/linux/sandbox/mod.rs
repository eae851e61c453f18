//! Launching programs on Linux.
//!
//! ```text
//!   calling thread           launcher's thread       init (pid 1) or keeper      program
//!   prepare ──────────────► fork into namespaces ──► waits
//!   id maps, cgroup, word ─────────────────────────► mounts, identity, fork ───► waits
//!   gets hold of it, word ─────────────────────────────────────────────────────► restricts itself,
//!   Running ◄───── end of reports ──────────────────────────────────────────────  becomes the program
//! ```
//!
//! docs/decisions/0019-sandbox.md says why it is so.

mod calls;
mod cgroup;
mod filter;
mod grants;
mod identity;
mod init;
mod keeper;
mod landlock;
mod launcher;
mod lifeline;
mod limits;
mod mounts;
mod prepare;
mod processes;
mod program;
mod raw;
mod running;
mod sealed;
mod spare;
mod start;
mod status;
mod step;
mod table;
mod work;

pub use cgroup::delegated_cgroup;
pub use table::ProcessTable;

pub(crate) use running::Running;
pub(crate) use sealed::sealed_copy;
pub(crate) use start::launch;
