//! A name is one server's at a time.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::{FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{ERROR_ALREADY_EXISTS, FALSE};
use windows_sys::Win32::System::Threading::CreateMutexW;

use crate::windows::security::SecurityDescriptor;
use crate::windows::text::wide;

/// Says to other servers of this library that a pipe's name is taken; the system drops it with its
/// process.
///
/// What protects the name on Windows is the flag for the first instance, which fails against
/// everybody's pipe. Wine ignores that flag; with this claim at least two servers of ours exclude
/// each other there. It is a mutex that nobody locks, because existing is enough and a lock would
/// belong to a thread; and no probing for the pipe, which would be a race between two that look at
/// once.
#[derive(Debug)]
pub(crate) struct Claim {
    _mutex: OwnedHandle,
}

impl Claim {
    /// Takes the name; `None` if somebody has it.
    pub(crate) fn take(name: &str, security: &SecurityDescriptor) -> io::Result<Option<Self>> {
        // Pipes are seen from every session of the machine, so the claim has to be; and their names
        // ignore case, which the names of mutexes do not.
        let name = wide(format!(r"Global\linkspan-pipe-{}", name.to_lowercase()));
        let attributes = security.attributes();
        // SAFETY: the attributes lead into `security`, which lives on; the name ends with a zero.
        let mutex = unsafe { CreateMutexW(&raw const attributes, FALSE, name.as_ptr()) };
        let error = io::Error::last_os_error();
        if mutex.is_null() {
            // Another user's mutex cannot be opened, but is there.
            return match error.kind() {
                io::ErrorKind::PermissionDenied => Ok(None),
                _ => Err(error),
            };
        }
        // SAFETY: the call above has made the handle, and nobody else has it.
        let mutex = unsafe { OwnedHandle::from_raw_handle(mutex) };
        let is_new = error.raw_os_error() != Some(ERROR_ALREADY_EXISTS.cast_signed());
        Ok(is_new.then_some(Self { _mutex: mutex }))
    }
}
