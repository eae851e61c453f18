//! Standard handles that become others.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::File;
use std::io;
use std::os::windows::io::{AsHandle, FromRawHandle, IntoRawHandle, OwnedHandle, RawHandle};
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
};

use crate::FileId;
use crate::windows::token::check;

pub(crate) fn redirect(from: FileId, to: &File) -> io::Result<()> {
    let mut replaced = Vec::new();
    if leads_to(io::stdout(), from) {
        replaced.push(replace(STD_OUTPUT_HANDLE, to)?);
    }
    if leads_to(io::stderr(), from) {
        replaced.push(replace(STD_ERROR_HANDLE, to)?);
    }
    if !replaced.is_empty() {
        // Closes those of the time before; whoever writes to these now has until the next time.
        let mut last = REPLACED.lock().unwrap_or_else(PoisonError::into_inner);
        *last = replaced;
    }
    Ok(())
}

fn leads_to(stream: impl AsHandle, file: FileId) -> bool {
    let copy = stream.as_handle().try_clone_to_owned();
    copy.is_ok_and(|copy| FileId::of(&File::from(copy)).is_ok_and(|id| id == file))
}

/// Gives the handle that was there before.
fn replace(name: STD_HANDLE, to: &File) -> io::Result<OwnedHandle> {
    // SAFETY: only looks at a field of this process.
    let before: RawHandle = unsafe { GetStdHandle(name) };
    let copy = to.try_clone()?.into_raw_handle();
    // SAFETY: the handle is open, and stays so until it is replaced in the same way.
    check(unsafe { SetStdHandle(name, copy) })?;
    // SAFETY: it was inherited for this, or was made here, and nobody else closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(before) })
}

static REPLACED: Mutex<Vec<OwnedHandle>> = Mutex::new(Vec::new());
