//! Named pipes, private from birth.

mod claim;
mod connect;
mod error;
mod instance;
mod listener;
mod name;
mod named;
mod wait;

#[cfg(test)]
pub(crate) use instance::Instances;

pub use connect::{connect_pipe, open_pipe};
pub use error::PipeError;
pub use instance::PipeInstance;
pub use listener::PipeListener;
pub use name::{PipeNameError, default_pipe_name, max_pipe_name_chars};
pub use named::{Pipe, PipeOptions};
pub use wait::{PipeStop, cancel_pipe_operations};
