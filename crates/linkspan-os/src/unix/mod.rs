//! What Unix systems share.

mod connect;
mod directory;
mod limits;
mod lock;
mod peer;
#[cfg(not(target_os = "linux"))]
mod peer_portable;
mod receive;
mod runtime;
mod send;
mod socket;
#[cfg(not(target_os = "linux"))]
mod socket_portable;
mod stale;
mod usage;
mod wait;

pub use connect::{connect, max_socket_path_bytes};
pub use directory::{Directory, DirectoryError};
pub use limits::{descriptor_limit, effective_uid, is_descriptor_exhaustion};
pub use lock::{Lock, LockError};
pub use peer::{own_credentials, peer_credentials};
pub use receive::receive;
pub use runtime::{RuntimeDirectoryError, default_socket_path, runtime_directory};
pub use send::{send_vectored, shutdown_write};
pub use socket::{BindError, BindOptions, SocketFile};
pub use stale::{SocketState, socket_state};
pub use usage::{peak_memory_bytes, resident_memory_bytes, thread_cpu_time};
pub use wait::wait_readable;
