//! Looking at processes, and ending them. A process's number is nobody else's as long as a handle to
//! it is open.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Instant;

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, FALSE, FILETIME, WAIT_FAILED, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE,
    PROCESS_TERMINATE, TerminateProcess, WaitForSingleObject,
};

use crate::process::Facts;
use crate::windows::token::check;

/// How a process is ended; here it is the same.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Terminate,
    Kill,
}

/// What is known about the process with a number; `None` if there is none.
pub(crate) fn facts(pid: u32) -> io::Result<Option<Facts>> {
    match open(pid, LOOKING)? {
        Some(process) => facts_of(process).map(Some),
        None => Ok(None),
    }
}

/// What is known about a process that may be looked at.
pub(crate) fn facts_of(process: impl AsHandle) -> io::Result<Facts> {
    let mut times = [FILETIME::default(); 4];
    let [made, ended, kernel, user] = &mut times;
    let handle = process.as_handle().as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed; all four pointers are to locals.
    check(unsafe { GetProcessTimes(handle, made, ended, kernel, user) })?;
    Ok(Facts {
        start_time: Some((u64::from(made.dwHighDateTime) << 32) | u64::from(made.dwLowDateTime)),
        is_running: !wait(&process, 0)?,
    })
}

/// Start times are those of the wall clock here, so that runs of the system need no name.
pub(crate) fn boot_id() -> Option<u128> {
    None
}

/// The process that has a number, so that it can be ended and waited for.
pub(crate) struct Handle {
    pid: u32,
    process: OwnedHandle,
}

impl Handle {
    /// `None` if there is no such process.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        Ok(open(pid, LOOKING)?.map(|process| Self { pid, process }))
    }

    /// [`io::ErrorKind::NotFound`] if it has ended.
    pub(crate) fn end(&self, _: End) -> io::Result<()> {
        let ended = match open(self.pid, PROCESS_TERMINATE)? {
            // SAFETY: the handle is open.
            Some(process) => check(unsafe { TerminateProcess(process.as_raw_handle(), ENDED) }),
            None => Ok(()),
        };
        match ended {
            Err(_) if wait(&self.process, 0)? => Err(io::ErrorKind::NotFound.into()),
            ended => ended,
        }
    }

    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Rounded up; and the longest time that is not for ever is 49 days.
            let millis = left.as_micros().div_ceil(1000).min(MAX_MILLIS.into());
            let millis = u32::try_from(millis).unwrap_or(MAX_MILLIS);
            if wait(&self.process, millis)? {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
        }
    }
}

fn open(pid: u32, rights: u32) -> io::Result<Option<OwnedHandle>> {
    // SAFETY: no pointer is handed over.
    let process = unsafe { OpenProcess(rights, FALSE, pid) };
    if !process.is_null() {
        // SAFETY: the call above has made the handle, and nobody else has it.
        return Ok(Some(unsafe { OwnedHandle::from_raw_handle(process) }));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(ERROR_INVALID_PARAMETER.cast_signed()) => Ok(None),
        error => Err(error),
    }
}

/// Whether a process has ended.
fn wait(process: impl AsHandle, millis: u32) -> io::Result<bool> {
    let handle = process.as_handle().as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed.
    match unsafe { WaitForSingleObject(handle, millis) } {
        WAIT_FAILED => Err(io::Error::last_os_error()),
        result => Ok(result == WAIT_OBJECT_0),
    }
}

const LOOKING: u32 = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
/// The code of a process that was ended from outside.
const ENDED: u32 = 1;
const MAX_MILLIS: u32 = u32::MAX - 1;
