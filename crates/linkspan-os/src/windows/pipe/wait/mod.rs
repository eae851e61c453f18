//! Waiting for a client on a thread, without a runtime.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_NO_DATA, ERROR_OPERATION_ABORTED,
    ERROR_PIPE_CONNECTED, ERROR_PIPE_NOT_CONNECTED, FALSE, HANDLE, TRUE, WAIT_FAILED,
    WAIT_OBJECT_0, WIN32_ERROR,
};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{ConnectNamedPipe, DisconnectNamedPipe};
use windows_sys::Win32::System::Threading::{
    CreateEventW, INFINITE, SetEvent, WaitForMultipleObjects,
};

use crate::windows::pipe::instance::PipeInstance;
use crate::windows::token::check;

impl PipeInstance {
    /// Keeps the calling thread until a client has come, or `stop` is told; says whether one has
    /// come. It has come as well if it did so at the moment of the stop.
    ///
    /// Afterwards one may wait again: a client that came after the stop is found then.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn wait(&self, stop: &PipeStop) -> io::Result<bool> {
        loop {
            match self.wait_for_one(stop) {
                // It came and went without a word; the instance is for the next one.
                Err(error) if has_gone(&error) => self.disconnect()?,
                result => return result,
            }
        }
    }

    fn wait_for_one(&self, stop: &PipeStop) -> io::Result<bool> {
        let connected = event()?;
        let mut overlapped = OVERLAPPED {
            hEvent: connected.as_raw_handle(),
            ..OVERLAPPED::default()
        };
        let handle: HANDLE = self.as_handle().as_raw_handle();
        // SAFETY: the handle is open as long as `self` lives. If the operation stays behind,
        // `finish` does not return before it is over, so that `overlapped` and its event outlive it.
        match check(unsafe { ConnectNamedPipe(handle, &raw mut overlapped) }) {
            Err(error) if is(&error, ERROR_IO_PENDING) => {}
            Err(error) if is(&error, ERROR_PIPE_CONNECTED) => return Ok(true),
            result => return result.map(|()| true),
        }
        let waited = wait_for_either(&connected, &stop.event);
        let result = self.finish(&mut overlapped, !matches!(waited, Ok(First::Client)));
        match (result, waited?) {
            (Err(error), First::Stop) if is(&error, ERROR_OPERATION_ABORTED) => Ok(false),
            (result, _) => result.map(|()| true),
        }
    }

    /// Waits until the operation is over, which may be its cancelling.
    fn finish(&self, overlapped: &mut OVERLAPPED, is_cancelled: bool) -> io::Result<()> {
        let handle: HANDLE = self.as_handle().as_raw_handle();
        if is_cancelled {
            // SAFETY: the operation was begun with both. If it is over, there is nothing to cancel.
            unsafe { CancelIoEx(handle, &raw const *overlapped) };
        }
        let mut none = 0;
        // SAFETY: the operation was begun with both, and the pointer is to a local.
        check(unsafe { GetOverlappedResult(handle, &raw const *overlapped, &raw mut none, TRUE) })
    }

    fn disconnect(&self) -> io::Result<()> {
        // SAFETY: the handle is open as long as `self` lives.
        check(unsafe { DisconnectNamedPipe(self.as_handle().as_raw_handle()) })
    }
}

/// What ends the waiting of threads, from another thread and for good.
#[derive(Debug)]
pub struct PipeStop {
    event: OwnedHandle,
}

impl PipeStop {
    /// Makes one that ends no waiting yet.
    ///
    /// # Errors
    ///
    /// The system's, when it has no resources.
    pub fn new() -> io::Result<Self> {
        Ok(Self { event: event()? })
    }

    /// Ends the present waiting and all that begins later, as far as there is no client.
    pub fn stop(&self) {
        // SAFETY: the handle is open as long as `self` lives. That cannot fail for an event of ours.
        unsafe { SetEvent(self.event.as_raw_handle()) };
    }
}

/// Cancels what a pipe's handle has under way; what the system has taken, the peer can still read.
///
/// Whoever began it is told that it was cancelled.
///
/// # Errors
///
/// [`io::ErrorKind::NotFound`] if there was nothing.
pub fn cancel_pipe_operations(pipe: impl AsHandle) -> io::Result<()> {
    let handle: HANDLE = pipe.as_handle().as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed. The operations' memory stays theirs:
    // they end the way they always do, only earlier.
    check(unsafe { CancelIoEx(handle, ptr::null()) })
}

/// Whether a client has come and gone.
pub(crate) fn has_gone(error: &io::Error) -> bool {
    let gone = [ERROR_NO_DATA, ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED];
    gone.into_iter().any(|gone| is(error, gone))
}

/// What came first.
enum First {
    Client,
    Stop,
}

fn wait_for_either(client: &OwnedHandle, stop: &OwnedHandle) -> io::Result<First> {
    let events: [HANDLE; 2] = [client.as_raw_handle(), stop.as_raw_handle()];
    // SAFETY: there are two handles, open as long as they are borrowed.
    match unsafe { WaitForMultipleObjects(2, events.as_ptr(), FALSE, INFINITE) } {
        WAIT_FAILED => Err(io::Error::last_os_error()),
        // The smaller index is said if it is both.
        WAIT_OBJECT_0 => Ok(First::Client),
        _ => Ok(First::Stop),
    }
}

/// An event that has not happened, and once it has, stays so.
fn event() -> io::Result<OwnedHandle> {
    // SAFETY: it may have no attributes and no name.
    let event = unsafe { CreateEventW(ptr::null(), TRUE, FALSE, ptr::null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above has made the handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

fn is(error: &io::Error, code: WIN32_ERROR) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

#[cfg(test)]
mod tests;
