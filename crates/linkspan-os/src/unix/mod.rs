//! What Unix systems share.

mod connect;
pub(crate) mod descriptors;
#[cfg(not(target_os = "linux"))]
mod descriptors_portable;
mod detach;
mod directory;
pub(crate) mod exchange_portable;
pub(crate) mod executable;
mod file;
mod inherited;
mod limits;
mod lock;
pub(crate) mod output;
mod peer;
#[cfg(not(target_os = "linux"))]
mod peer_portable;
#[cfg(not(target_os = "linux"))]
mod presence_portable;
pub(crate) mod process;
#[cfg(not(target_os = "linux"))]
mod process_portable;
mod ready;
mod receive;
mod runtime;
pub(crate) mod sandbox;
#[cfg(not(target_os = "linux"))]
mod sandbox_portable;
mod send;
pub(crate) mod signals;
#[cfg(not(target_os = "linux"))]
mod signals_portable;
mod socket;
#[cfg(not(target_os = "linux"))]
mod socket_portable;
pub(crate) mod spawn;
mod stale;
mod terminal;
mod text;
pub(crate) mod tree;
mod usage;
pub(crate) mod wait;

pub use connect::{connect, max_socket_path_bytes};
pub use directory::{Directory, DirectoryError};
pub use inherited::{Caller, Inherited, Lifeline, exit_at_once};
pub use limits::{descriptor_limit, effective_uid, is_descriptor_exhaustion};
pub use lock::{Lock, LockError};
pub use peer::{own_credentials, peer_credentials};
pub use ready::ReadySender;
pub use receive::receive;
pub use runtime::{RuntimeDirectoryError, default_socket_path, runtime_directory};
pub use send::{send_vectored, shutdown_write};
pub use signals::{SIGCONT, die_by_signal, ignore_sigpipe, is_ignored, reset_sigpipe};
pub use socket::{BindError, BindOptions, SocketFile};
pub use stale::socket_state;
pub use terminal::terminal_size;
pub use text::os_string;
pub use usage::{
    open_descriptors, peak_memory_bytes, resident_memory_bytes, thread_count, thread_cpu_time,
};
pub use wait::wait_readable;
