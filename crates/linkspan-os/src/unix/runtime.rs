//! Where sockets belong.

use std::env;
use std::path::PathBuf;

use thiserror::Error;

use crate::effective_uid;

/// The directory for this user's sockets and locks.
///
/// The first that applies: `$RUNTIME_DIRECTORY` (systemd's, its first entry),
/// `$XDG_RUNTIME_DIR/linkspan`, `/run/linkspan` for root, `linkspan-UID` in the directory for
/// temporary files. It is not made and not checked here: [`Directory::open`](crate::Directory::open)
/// does that.
///
/// # Errors
///
/// [`RuntimeDirectoryError`] if a variable holds a relative path.
pub fn runtime_directory() -> Result<PathBuf, RuntimeDirectoryError> {
    if let Some(list) = env::var_os("RUNTIME_DIRECTORY").filter(|list| !list.is_empty()) {
        let first = env::split_paths(&list).next().unwrap_or_default();
        return absolute("RUNTIME_DIRECTORY", first);
    }
    if let Some(base) = env::var_os("XDG_RUNTIME_DIR").filter(|base| !base.is_empty()) {
        return Ok(absolute("XDG_RUNTIME_DIR", base.into())?.join("linkspan"));
    }
    if effective_uid() == 0 {
        return Ok("/run/linkspan".into());
    }
    // TMPDIR differs between shells and services; two of them would miss each other.
    Ok(format!("/tmp/linkspan-{}", effective_uid()).into())
}

/// The path of the node's socket: `node.sock` in the [`runtime_directory`].
///
/// # Errors
///
/// Those of [`runtime_directory`].
pub fn default_socket_path() -> Result<PathBuf, RuntimeDirectoryError> {
    Ok(runtime_directory()?.join("node.sock"))
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
