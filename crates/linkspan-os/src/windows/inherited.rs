//! The connection that a program was started with, by the process that started it: none yet.

use std::convert::Infallible;
use std::env;
use std::io;
use std::process;
use std::time::Duration;

use crate::{Heard, InheritedError};

/// One end of a connection whose other end the process has that started this one.
#[derive(Debug)]
pub struct Inherited(Infallible);

impl Inherited {
    /// `None` without the variable.
    ///
    /// # Errors
    ///
    /// [`InheritedError::Unsupported`] with it.
    pub fn from_environment(variable: &str) -> Result<Option<Self>, InheritedError> {
        match env::var_os(variable) {
            None => Ok(None),
            Some(_) => Err(InheritedError::Unsupported),
        }
    }

    /// A way to hear of its end, and one to call whoever waits for that.
    ///
    /// # Errors
    ///
    /// There are none.
    pub fn lifeline(&self) -> io::Result<(Lifeline, Caller)> {
        match self.0 {}
    }

    /// Whatever is wanted of what there is not.
    pub fn never<T>(&self) -> T {
        match self.0 {}
    }
}

/// Hears when the other end of a connection is gone.
#[derive(Debug)]
pub struct Lifeline(Infallible);

impl Lifeline {
    /// Waits.
    ///
    /// # Errors
    ///
    /// There are none.
    pub fn wait(&mut self, _: Option<Duration>) -> io::Result<Heard> {
        match self.0 {}
    }
}

/// Calls a thread that waits at a [`Lifeline`].
#[derive(Debug)]
pub struct Caller(Infallible);

impl Caller {
    /// Has it come back at once.
    pub fn call(&self) {
        match self.0 {}
    }
}

/// Ends this process.
pub fn exit_at_once(code: u8) -> ! {
    process::exit(code.into())
}
