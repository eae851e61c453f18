//! What can be wrong with a connection that a program was started with, and what is heard on it.

use std::io;

use thiserror::Error;

/// The connection that a variable names cannot be taken over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InheritedError {
    /// The variable says something else.
    #[error("{value:?} is not the number of a descriptor above 2")]
    Number {
        /// What it says.
        value: String,
    },
    /// It was taken over already.
    #[error("descriptor {number} was taken over already")]
    Taken {
        /// Its number.
        number: i32,
    },
    /// Other threads may read the environment, so that the variable cannot be removed any more.
    #[error("the connection is taken over before threads are started; there are {count}")]
    Threads {
        /// How many there are.
        count: usize,
    },
    /// The descriptor is no connected stream socket.
    #[error("descriptor {number} is no connected stream socket")]
    Socket {
        /// Its number.
        number: i32,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// This system has no such connections.
    #[error("this system has no inherited connections yet")]
    Unsupported,
}

/// What a thread heard that waited at a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// The other end is gone.
    End,
    /// Another thread of this process calls.
    Call,
    /// Nothing for as long as it waited.
    Nothing,
}
