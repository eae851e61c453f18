//! Windows.
//!
//! Files have the names of their counterparts in `unix/`.

mod access;
mod directory;
mod limits;
mod lock;
mod peer;
mod pipe;
mod runtime;
mod security;
mod text;
mod token;
mod usage;

pub use directory::{Directory, DirectoryError};
pub use limits::{descriptor_limit, is_descriptor_exhaustion};
pub use lock::{Lock, LockError};
pub use peer::{is_trusted, own_credentials, peer_credentials};
pub use pipe::{
    Pipe, PipeError, PipeInstance, PipeListener, PipeNameError, PipeOptions, PipeStop,
    cancel_pipe_operations, connect_pipe, default_pipe_name, max_pipe_name_chars, open_pipe,
};
pub use runtime::{RuntimeDirectoryError, runtime_directory};
pub use security::security_descriptor;
pub use usage::{peak_memory_bytes, resident_memory_bytes, thread_cpu_time};
