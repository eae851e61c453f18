//! Where files of running programs belong.

use std::env;
use std::path::PathBuf;

use thiserror::Error;

/// The directory for this user's locks and records of running programs: `%RUNTIME_DIRECTORY%` (its
/// first entry), or `%LOCALAPPDATA%\linkspan\run`.
///
/// Windows makes the base of the latter with rights for its user, the system and administrators only,
/// and keeps it out of roaming profiles. Pipes are not files and not in it; their default name is
/// [`default_pipe_name`](crate::default_pipe_name). It is not made and not checked here:
/// [`Directory::open`](crate::Directory::open) does that.
///
/// # Errors
///
/// [`RuntimeDirectoryError`] if the variable that applies is missing or holds a relative path.
pub fn runtime_directory() -> Result<PathBuf, RuntimeDirectoryError> {
    if let Some(list) = env::var_os(GIVEN).filter(|list| !list.is_empty()) {
        let first = env::split_paths(&list).next().unwrap_or_default();
        return absolute(GIVEN, first);
    }
    let base = env::var_os(BASE).unwrap_or_default();
    Ok(absolute(BASE, base.into())?.join("linkspan").join("run"))
}

fn absolute(variable: &'static str, path: PathBuf) -> Result<PathBuf, RuntimeDirectoryError> {
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(RuntimeDirectoryError { variable, path })
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

/// By it a daemon is told the directory of the client that starts it.
const GIVEN: &str = "RUNTIME_DIRECTORY";
const BASE: &str = "LOCALAPPDATA";
