//! Why a clause is not tried out further.

use std::fmt::Display;

use crate::plugin::check::CheckError;

/// Why a clause is not tried out further.
#[derive(Debug)]
pub(super) enum Stop {
    /// The plugin does not keep to it.
    Broken { expected: String, found: String },
    /// It cannot be tried out.
    Skipped(String),
    /// Nothing can be tried out.
    Failed(CheckError),
}

impl From<CheckError> for Stop {
    fn from(error: CheckError) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn broken(expected: impl Display, found: impl Display) -> Stop {
    Stop::Broken {
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

pub(super) fn skipped(why: impl Display) -> Stop {
    Stop::Skipped(why.to_string())
}

/// Goes on if something is as it has to be.
pub(super) fn ensure(is_so: bool, expected: impl Display, found: impl Display) -> Result<(), Stop> {
    match is_so {
        true => Ok(()),
        false => Err(broken(expected, found)),
    }
}
