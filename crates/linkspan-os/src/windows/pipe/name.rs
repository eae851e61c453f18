//! What pipes may be called.

use std::io;

use thiserror::Error;

use crate::windows::token::process_user;

/// The name of this user's node: `linkspan-` and the user's security identifier.
///
/// All users of a machine share one space of names. With a common name the second user's node would
/// not start, and whoever came first could wait there for everybody else's clients.
///
/// # Errors
///
/// The system's error if it does not tell this process's user.
pub fn default_pipe_name() -> io::Result<String> {
    Ok(format!("linkspan-{}", process_user()?))
}

/// Longest name of a pipe, in units of UTF-16 and without `\\.\pipe\`.
pub const fn max_pipe_name_chars() -> usize {
    MAX_PATH_CHARS - PREFIX.len()
}

/// The path of the pipe `name`, if that may be one.
pub(crate) fn path(name: &str) -> Result<String, PipeNameError> {
    let (chars, limit) = (name.encode_utf16().count(), max_pipe_name_chars());
    let name_of = || name.to_owned();
    if chars == 0 {
        return Err(PipeNameError::Empty);
    }
    if chars > limit {
        return Err(PipeNameError::TooLong { chars, limit });
    }
    // Slashes become backslashes, and the last characters vanish, before the system looks for a
    // pipe: two names would be one.
    let is_wrong = |char: &char| matches!(char, '\\' | '/') || char.is_control();
    let found = name.chars().find(is_wrong);
    if let Some(found) = found.or_else(|| name.chars().last().filter(|last| ". ".contains(*last))) {
        let name = name_of();
        return Err(PipeNameError::Character { name, found });
    }
    Ok(format!("{PREFIX}{name}"))
}

/// A pipe cannot have this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PipeNameError {
    /// It is empty.
    #[error("pipe name is empty")]
    Empty,
    /// It is too long for the system.
    #[error("pipe name of {chars} characters exceeds the limit of {limit} characters")]
    TooLong {
        /// Its length in units of UTF-16.
        chars: usize,
        /// The longest that works.
        limit: usize,
    },
    /// A character would make the system read another name.
    #[error(
        "pipe name {name:?} contains {found:?}; slashes, backslashes, control characters, and dots \
         and spaces at the end are not allowed"
    )]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        found: char,
    },
}

const PREFIX: &str = r"\\.\pipe\";
const MAX_PATH_CHARS: usize = 256;
