//! Named pipes, private from birth.

mod claim;
mod connect;
mod error;
mod instance;
mod listener;
mod name;

#[cfg(test)]
pub(crate) use instance::Instances;

pub use connect::connect_pipe;
pub use error::PipeError;
pub use listener::{PipeListener, PipeOptions};
pub use name::{PipeNameError, default_pipe_name, max_pipe_name_chars};
