//! Instances of a pipe: one for each connection, all protected alike.
#![expect(unsafe_code, reason = "calls the system, and tokio takes raw handles")]

use std::fmt;
use std::io;
use std::os::windows::io::{
    AsHandle, BorrowedHandle, FromRawHandle, IntoRawHandle, OwnedHandle, RawHandle,
};

use tokio::net::windows::named_pipe::NamedPipeServer;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, FILE_FLAGS_AND_ATTRIBUTES,
    PIPE_ACCESS_DUPLEX,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_READMODE_BYTE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE,
    PIPE_UNLIMITED_INSTANCES,
};

use crate::windows::security::SecurityDescriptor;
use crate::windows::text::wide;

/// An instance of a pipe, which a client finds from the moment that it is made.
///
/// Nothing watches it until it is given to somebody, and what takes its handle over may watch it in
/// its own way.
#[derive(Debug)]
pub struct PipeInstance {
    handle: OwnedHandle,
}

impl PipeInstance {
    /// The handle, whose operations may overlap and report to no completion port yet.
    pub fn into_handle(self) -> OwnedHandle {
        self.handle
    }

    /// Has tokio watch it.
    ///
    /// # Errors
    ///
    /// The system's; the instance is closed then.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime whose I/O is enabled.
    pub fn into_server(self) -> io::Result<NamedPipeServer> {
        let handle = self.handle.into_raw_handle();
        // SAFETY: it is a pipe's handle, made for overlapping operations by `Instances`, and nobody
        // else has it.
        unsafe { NamedPipeServer::from_raw_handle(handle) }
    }
}

impl AsHandle for PipeInstance {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }
}

/// Makes the instances of one pipe.
pub(crate) struct Instances {
    path: String,
    security: SecurityDescriptor,
    /// How many may exist at a time.
    limit: u32,
}

impl Instances {
    pub(crate) fn new(path: String, security: SecurityDescriptor) -> Self {
        Self {
            path,
            security,
            limit: PIPE_UNLIMITED_INSTANCES,
        }
    }

    /// Makes the first one; fails if anybody has a pipe of this name.
    pub(crate) fn first(&self) -> io::Result<PipeInstance> {
        self.make(FILE_FLAG_FIRST_PIPE_INSTANCE)
    }

    /// Makes one more.
    pub(crate) fn next(&self) -> io::Result<PipeInstance> {
        self.make(0)
    }

    fn make(&self, flags: FILE_FLAGS_AND_ATTRIBUTES) -> io::Result<PipeInstance> {
        let path = wide(&self.path);
        let attributes = self.security.attributes();
        // SAFETY: the path ends with a zero; the attributes lead into `self.security`; all live
        // until the call is over, and the system keeps none of them.
        let handle: RawHandle = unsafe {
            CreateNamedPipeW(
                path.as_ptr(),
                PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | flags,
                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_REJECT_REMOTE_CLIENTS,
                self.limit,
                BUFFER_BYTES,
                BUFFER_BYTES,
                0,
                &raw const attributes,
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above has made the handle, and nobody else has it.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Ok(PipeInstance { handle })
    }

    /// Lets no more than so many exist at a time.
    #[cfg(test)]
    pub(crate) fn limit(&mut self, instances: u32) {
        self.limit = instances;
    }
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instances")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What the system keeps for a peer that does not read, in either direction.
const BUFFER_BYTES: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security_descriptor;
    use crate::windows::token::process_user;

    /// Where the system keeps one descriptor for a pipe, it is the first instance's, and that of the
    /// others is not seen; so each sort is made alone.
    #[test]
    fn first_and_further_instances_have_the_descriptor() {
        let list = "D:P(A;;FA;;;SY)(A;;FR;;;AU)";
        for (sort, make) in [
            ("first", Instances::first as fn(&_) -> _),
            ("next", Instances::next),
        ] {
            let path = format!(r"\\.\pipe\linkspan-test-{}-{sort}", std::process::id());
            let security = SecurityDescriptor::parse(list, process_user().unwrap()).unwrap();
            let instance = make(&Instances::new(path, security)).unwrap();
            let told = security_descriptor(&instance).unwrap();
            assert!(told.ends_with(list), "{told}");
        }
    }
}
