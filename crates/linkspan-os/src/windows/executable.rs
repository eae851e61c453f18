//! Files of programs, and what tells a file from another.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::time::SystemTime;

use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle,
};

use crate::ExecutableId;
use crate::windows::token::check;

pub(crate) fn executable_id(path: &Path) -> io::Result<ExecutableId> {
    let file = File::open(path)?;
    let (device, inode) = identity(&file)?;
    let metadata = file.metadata()?;
    let modified = metadata.modified()?;
    let nanos = match modified.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).map_err(io::Error::other)?,
        Err(before) => -i128::try_from(before.duration().as_nanos()).map_err(io::Error::other)?,
    };
    Ok(ExecutableId {
        device,
        inode,
        modified_nanos: nanos,
        size_bytes: metadata.len(),
    })
}

/// The volume, and the file's number on it.
pub(crate) fn identity(file: &File) -> io::Result<(u64, u64)> {
    let facts = facts(file)?;
    let number = (u64::from(facts.nFileIndexHigh) << 32) | u64::from(facts.nFileIndexLow);
    Ok((facts.dwVolumeSerialNumber.into(), number))
}

pub(crate) fn facts(file: &File) -> io::Result<BY_HANDLE_FILE_INFORMATION> {
    let mut facts = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the file is open as long as it is borrowed, and the pointer is to a local.
    check(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut facts) })?;
    Ok(facts)
}
