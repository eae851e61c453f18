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
//! | `Pipe` | a Windows named pipe that is claimed, and private from birth |
//! | `PipeListener` | such a pipe on which a client is always awaited |
//! | [`PeerCredentials`] | who is at the other end, by the kernel's word |
//! | [`loopback_uid`] | the same for TCP within this machine, as far as it goes |
//! | [`Spawn`] | a program that is started as a daemon, and `ReadySender`, its way to say that it is ready |
//! | `Inherited` | the connection that a program was started with, and `Lifeline`, which hears of its end |
//! | [`Process`] | a process, told from those that get its number later |
//! | [`sandbox`] | other people's programs, launched so that they can do what they were granted |
//! | [`Changes`] | hears when files in a directory change |
//! | [`runtime_directory`] | where sockets and locks belong |
//! | `send_vectored` | a write to a Unix socket that never raises SIGPIPE |
//!
//! No runtime is needed, but on Windows: there pipes are tokio's, since only its unsafe constructors
//! make them with a security descriptor.
#![deny(unsafe_code)]

mod changes;
#[cfg(not(target_os = "linux"))]
mod changes_portable;
mod executable;
mod file;
mod inherited;
mod lock_state;
mod loopback;
#[cfg(not(target_os = "linux"))]
mod loopback_portable;
mod output;
mod peer;
mod process;
mod random;
mod ready;
pub mod sandbox;
mod sid;
mod socket_state;
mod spawn;
mod terminal;
mod tree;
mod waiting;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use changes::Changes;
pub use executable::{ExecutableId, executable_id};
pub use file::{FileError, FileId};
pub use inherited::{Heard, InheritedError};
pub use lock_state::LockState;
pub use loopback::loopback_uid;
pub use output::redirect_output;
pub use peer::{PeerCredentials, User};
pub use process::{Process, SignalError};
pub use random::random_bytes;
pub use ready::{NotReady, Ready};
pub use sid::{Sid, SidError};
pub use socket_state::SocketState;
pub use spawn::{Spawn, SpawnError, Spawned};
pub use terminal::TerminalSize;
pub use tree::{DirectoryEntry, EntryKind, TrustedFile, read_at};

#[cfg(unix)]
pub use unix::{
    BindError, BindOptions, Directory, DirectoryError, Lock, LockError, RuntimeDirectoryError,
    SocketFile, connect, default_socket_path, descriptor_limit, effective_uid,
    is_descriptor_exhaustion, max_socket_path_bytes, own_credentials, peak_memory_bytes,
    peer_credentials, receive, resident_memory_bytes, runtime_directory, send_vectored,
    shutdown_write, socket_state, thread_cpu_time, wait_readable,
};

#[cfg(unix)]
pub use unix::{Caller, Inherited, Lifeline, exit_at_once};

#[cfg(unix)]
pub use unix::{
    ReadySender, SIGCONT, die_by_signal, ignore_sigpipe, is_ignored, open_descriptors, os_string,
    reset_sigpipe, terminal_size, thread_count,
};

#[cfg(windows)]
pub use windows::{Caller, Inherited, Lifeline, exit_at_once};

#[cfg(windows)]
pub use windows::{
    ReadySender, die_by_signal, ignore_sigpipe, open_descriptors, os_string, reset_sigpipe,
    terminal_size, thread_count,
};

#[cfg(windows)]
pub use windows::{
    Directory, DirectoryError, Lock, LockError, Pipe, PipeError, PipeInstance, PipeListener,
    PipeNameError, PipeOptions, PipeStop, RuntimeDirectoryError, cancel_pipe_operations,
    connect_pipe, default_pipe_name, default_socket_path, descriptor_limit,
    is_descriptor_exhaustion, is_trusted, max_pipe_name_chars, open_pipe, own_credentials,
    peak_memory_bytes, peer_credentials, resident_memory_bytes, runtime_directory,
    security_descriptor, socket_state, thread_cpu_time,
};
