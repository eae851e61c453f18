//! Files and folders that are put in place all at once.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use linkspan::plugin::{PluginPath, Verified};
use os::Directory;

use crate::failure::Result;

/// Puts a file that others may read in the place of another one.
pub(super) fn replace_file(folder: &Path, name: &str, bytes: &[u8]) -> Result {
    let folder = Directory::open_trusted(folder).map_err(anyhow::Error::from)?;
    let temporary = hidden(name)?;
    let written = write(&folder, &temporary, bytes, false).and_then(|()| {
        Ok(fs::rename(
            folder.path().join(&temporary),
            folder.path().join(name),
        )?)
    });
    if written.is_err() {
        fs::remove_file(folder.path().join(&temporary)).ok();
    }
    written
}

/// A copy of a plugin under a name that nobody looks at, until it is whole; it is removed if it never
/// gets there.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) path: PathBuf,
}

impl Copy {
    /// Copies the manifest and all files, which are verified once more on the way.
    pub(super) fn of(verified: &Verified, directory: &Directory) -> Result<Self> {
        let name = hidden(verified.manifest().name.as_str())?;
        let folder = directory.make_inner(&name).map_err(anyhow::Error::from)?;
        let copy = Self {
            path: folder.path().to_owned(),
        };
        let (manifest, text) = verified.manifest_file();
        write(&folder, manifest.as_ref(), text, false)?;
        for (path, file) in verified.files() {
            copy_file(verified, path, &folder, file.is_executable)?;
        }
        Ok(copy)
    }

    /// Its name in the directory.
    pub(super) fn name(&self) -> &Path {
        self.path.file_name().map_or(self.path.as_path(), Path::new)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Nothing is there if it got to its place.
        fs::remove_dir_all(&self.path).ok();
    }
}

fn copy_file(
    verified: &Verified,
    path: &PluginPath,
    folder: &Directory,
    is_executable: bool,
) -> Result {
    let (folders, name) = path
        .as_str()
        .rsplit_once('/')
        .unwrap_or(("", path.as_str()));
    let mut inner: Option<Directory> = None;
    for name in folders
        .split('/')
        .filter(|name| !name.is_empty())
        .map(Path::new)
    {
        let parent = inner.as_ref().unwrap_or(folder);
        let next = match parent.path().join(name).exists() {
            true => parent.open_inner(name),
            false => parent.make_inner(name),
        };
        inner = Some(next.map_err(anyhow::Error::from)?);
    }
    let parent = inner.as_ref().unwrap_or(folder);
    let file = parent.create_file(name.as_ref(), is_executable);
    let mut file = file.map_err(anyhow::Error::from)?;
    verified.copy_file(path, &mut file)?;
    Ok(file.sync_all()?)
}

pub(super) fn write(folder: &Directory, name: &Path, bytes: &[u8], is_executable: bool) -> Result {
    let file = folder.create_file(name, is_executable);
    let mut file = file.map_err(anyhow::Error::from)?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// A name that nobody else has, and nobody can guess.
pub(super) fn hidden(name: &str) -> io::Result<PathBuf> {
    let number = u128::from_ne_bytes(os::random_bytes()?);
    Ok(format!(".{name}.{number:032x}.tmp").into())
}
