//! The system calls of Linkspan: sockets, locks, directories and peers, safely wrapped.
//!
//! All unsafe code and all differences between operating systems live here. What is portable has a
//! type of its own at the root; `unix/` holds what Unix systems share and `linux/` what Linux does
//! better, under the same file names; `windows/` has them, too.
//!
//! | item | holds |
//! |---|---|
//! | [`Directory`] | a directory whose owner and mode were checked, opened |
//! | [`Lock`] | an exclusive lock on a file that is never removed |
//! | `SocketFile` | a listening Unix socket that owns its path |
//! | `PipeListener` | a Windows named pipe, private from birth, on which a client is always awaited |
//! | [`PeerCredentials`] | who is at the other end, by the kernel's word |
//! | [`runtime_directory`] | where sockets and locks belong |
//! | `send_vectored` | a write to a Unix socket that never raises SIGPIPE |
//!
//! No runtime is needed, but on Windows: there pipes are tokio's, since only its unsafe constructors
//! make them with a security descriptor.
#![deny(unsafe_code)]

mod peer;
mod random;
mod sid;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use peer::{PeerCredentials, User};
pub use random::random_bytes;
pub use sid::{Sid, SidError};

#[cfg(unix)]
pub use unix::{
    BindError, BindOptions, Directory, DirectoryError, Lock, LockError, RuntimeDirectoryError,
    SocketFile, SocketState, connect, default_socket_path, descriptor_limit, effective_uid,
    is_descriptor_exhaustion, max_socket_path_bytes, own_credentials, peak_memory_bytes,
    peer_credentials, receive, resident_memory_bytes, runtime_directory, send_vectored,
    shutdown_write, socket_state, thread_cpu_time, wait_readable,
};

#[cfg(windows)]
pub use windows::{
    Directory, DirectoryError, Lock, LockError, PipeError, PipeListener, PipeNameError, PipeOptions, RuntimeDirectoryError, connect_pipe,
    default_pipe_name, descriptor_limit, is_descriptor_exhaustion, is_trusted, max_pipe_name_chars,
    own_credentials, peak_memory_bytes, peer_credentials, resident_memory_bytes, runtime_directory,
    security_descriptor, thread_cpu_time,
};
