//! Where files of running programs belong.

use std::env;
use std::path::PathBuf;

use thiserror::Error;

/// The directory for this user's locks and records of running programs:
/// `%LOCALAPPDATA%\linkspan\run`.
///
/// Windows makes the base with rights for its user, the system and administrators only, and keeps
/// it out of roaming profiles. Pipes are not files and not in it; their default name is
/// [`default_pipe_name`](crate::default_pipe_name). It is not made and not checked here:
/// [`Directory::open`](crate::Directory::open) does that.
///
/// # Errors
///
/// [`RuntimeDirectoryError`] if the variable is missing or holds a relative path.
pub fn runtime_directory() -> Result<PathBuf, RuntimeDirectoryError> {
    let path = PathBuf::from(env::var_os(VARIABLE).unwrap_or_default());
    if path.is_absolute() {
        Ok(path.join("linkspan").join("run"))
    } else {
        Err(RuntimeDirectoryError {
            variable: VARIABLE,
            path,
        })
    }
}

/// A variable that names the runtime directory is not usable.
#[derive(Debug, Error)]
#[error("{variable} must be an absolute path, but is {path:?}")]
#[non_exhaustive]
pub struct RuntimeDirectoryError {
    /// The variable.
    pub variable: &'static str,
    /// What it holds.
    pub path: PathBuf,
}

const VARIABLE: &str = "LOCALAPPDATA";
