//! Files of programs.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::ExecutableId;

pub(crate) fn executable_id(path: &Path) -> io::Result<ExecutableId> {
    let metadata = fs::metadata(path)?;
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Ok(ExecutableId {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified_nanos: nanos,
        size_bytes: metadata.len(),
    })
}

/// The device, and the file's number on it.
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}
