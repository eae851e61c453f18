//! What can be wrong with conditions.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Conditions cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConditionsError {
    /// A file or the folder cannot be read.
    #[error("policies in {} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        reason: io::Error,
    },
    /// The folder has no policy, so that it is likely the wrong one.
    #[error("{} has no file whose name ends in .cedar", .0.display())]
    Empty(PathBuf),
    /// A text is not Cedar.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A rule means something that cannot be.
    #[error("condition {id}: {reason}")]
    Meaning {
        /// Its name: the annotation `@id`, or its file and place there.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// Two rules have one name.
    #[error("there are two conditions {0}")]
    Twice(String),
}
