//! Windows.
//!
//! Files have the names of their counterparts in `unix/`.

mod access;
mod command_line;
mod directory;
pub(crate) mod executable;
mod file;
mod handle_list;
mod inherited;
mod limits;
mod lock;
pub(crate) mod output;
mod peer;
mod pipe;
pub(crate) mod process;
mod ready;
mod runtime;
pub(crate) mod sandbox;
mod security;
mod signals;
mod socket;
pub(crate) mod spawn;
mod terminal;
mod text;
mod token;
pub(crate) mod tree;
mod usage;

pub use directory::{Directory, DirectoryError};
pub use inherited::{Caller, Inherited, Lifeline, exit_at_once};
pub use limits::{descriptor_limit, is_descriptor_exhaustion};
pub use lock::{Lock, LockError};
pub use peer::{is_trusted, own_credentials, peer_credentials};
pub use pipe::{
    Pipe, PipeError, PipeInstance, PipeListener, PipeNameError, PipeOptions, PipeStop,
    cancel_pipe_operations, connect_pipe, default_pipe_name, max_pipe_name_chars, open_pipe,
};
pub use ready::ReadySender;
pub use runtime::{RuntimeDirectoryError, runtime_directory};
pub use security::security_descriptor;
pub use signals::{die_by_signal, ignore_sigpipe, reset_sigpipe};
pub use socket::{default_socket_path, socket_state};
pub use terminal::terminal_size;
pub use text::os_string;
pub use usage::{
    open_descriptors, peak_memory_bytes, resident_memory_bytes, thread_count, thread_cpu_time,
};
