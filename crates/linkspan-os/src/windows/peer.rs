//! Peer credentials.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle};
use std::process;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_CANNOT_IMPERSONATE, HANDLE};
use windows_sys::Win32::Security::RevertToSelf;
use windows_sys::Win32::System::Pipes::{
    GetNamedPipeClientProcessId, GetNamedPipeInfo, GetNamedPipeServerProcessId,
    ImpersonateNamedPipeClient, PIPE_SERVER_END,
};

use crate::windows::security;
use crate::windows::token::{check, impersonated_user, process_user};
use crate::{PeerCredentials, Sid, User};

/// What the kernel would say about this process; [`Sid::NOBODY`] if it may not look at itself, as in
/// some sandboxes.
pub fn own_credentials() -> PeerCredentials {
    let sid = process_user().unwrap_or(Sid::NOBODY);
    PeerCredentials::new(User::Windows { sid }, Some(process::id()))
}

/// Who is at the other end of a connected named pipe.
///
/// The server's end tells the client's user. The client's end tells the owner of the pipe, which is
/// the server's user, or [`Sid::ADMINISTRATORS`] if a server with their rights did not say
/// otherwise. The process is who opened or made that end; the handle may be elsewhere by now, so it
/// is for people, not for decisions.
///
/// The calling thread takes the client's identity for a moment, and is the process's own after that:
/// a thread that impersonates somebody must not call this. If the system does not give the thread
/// back its own identity, the process is aborted.
///
/// # Errors
///
/// - [`io::ErrorKind::WouldBlock`]: the client has connected in a way that tells the system who it is
///   with its first bytes only, so ask again when some were read. Clients by
///   [`connect_pipe`](crate::connect_pipe) never do.
/// - Others are the system's: the client hides who it is, or has gone; or this is no pipe.
pub fn peer_credentials(pipe: impl AsHandle) -> io::Result<PeerCredentials> {
    let pipe = pipe.as_handle();
    let (sid, pid) = match is_server_end(pipe)? {
        true => (
            client_user(pipe)?,
            process_id(pipe, GetNamedPipeClientProcessId),
        ),
        false => (
            security::owner(pipe)?,
            process_id(pipe, GetNamedPipeServerProcessId),
        ),
    };
    Ok(PeerCredentials::new(User::Windows { sid }, pid))
}

/// Whether a user is this process's own, the system or the administrators: whoever could read this
/// process's memory anyway.
pub fn is_trusted(user: User) -> bool {
    match user {
        User::Windows { sid } => {
            [Sid::SYSTEM, Sid::ADMINISTRATORS].contains(&sid)
                || process_user().is_ok_and(|own| own == sid)
        }
        User::Unix { .. } => false,
    }
}

fn is_server_end(pipe: BorrowedHandle<'_>) -> io::Result<bool> {
    let mut flags = 0;
    let none = ptr::null_mut;
    let handle: HANDLE = pipe.as_raw_handle();
    // SAFETY: the handle is open as long as it is borrowed; the one pointer that is not null is to a
    // local.
    check(unsafe { GetNamedPipeInfo(handle, &raw mut flags, none(), none(), none()) })?;
    Ok(flags & PIPE_SERVER_END != 0)
}

fn process_id(pipe: BorrowedHandle<'_>, ask: AskProcess) -> Option<u32> {
    let mut pid = 0;
    // SAFETY: the handle is open as long as it is borrowed, and the pointer is to a local.
    let result = unsafe { ask(pipe.as_raw_handle(), &raw mut pid) };
    (result != 0 && pid != 0).then_some(pid)
}

fn client_user(pipe: BorrowedHandle<'_>) -> io::Result<Sid> {
    let _impersonation = Impersonation::begin(pipe)?;
    impersonated_user()
}

/// The calling thread acts for a pipe's client until this is dropped.
struct Impersonation {
    /// It is the thread that is concerned, so this must not leave it.
    _on_this_thread: std::marker::PhantomData<*const ()>,
}

impl Impersonation {
    fn begin(pipe: BorrowedHandle<'_>) -> io::Result<Self> {
        // SAFETY: the handle is open as long as it is borrowed.
        check(unsafe { ImpersonateNamedPipeClient(pipe.as_raw_handle()) }).map_err(not_yet)?;
        Ok(Self {
            _on_this_thread: std::marker::PhantomData,
        })
    }
}

impl Drop for Impersonation {
    fn drop(&mut self) {
        // SAFETY: concerns the calling thread only, which is the one that impersonates.
        if unsafe { RevertToSelf() } == 0 {
            // Whatever ran on this thread from now on would have the client's rights.
            process::abort();
        }
    }
}

/// The system knows a client that gave no quality of service by what it sent.
fn not_yet(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(ERROR_CANNOT_IMPERSONATE.cast_signed()) {
        io::Error::new(io::ErrorKind::WouldBlock, error)
    } else {
        error
    }
}

type AskProcess = unsafe extern "system" fn(HANDLE, *mut u32) -> i32;

#[cfg(test)]
mod tests {
    use tokio::net::windows::named_pipe::ServerOptions;
    use windows_sys::Win32::Foundation::ERROR_NO_TOKEN;

    use super::*;
    use crate::connect_pipe;

    #[tokio::test]
    async fn the_thread_is_itself_again() {
        let name = format!("linkspan-test-{}-itself", process::id());
        let path = format!(r"\\.\pipe\{name}");
        let server = ServerOptions::new().create(path).unwrap();
        let _client = connect_pipe(&name).unwrap();
        server.connect().await.unwrap();
        {
            let _impersonation = Impersonation::begin(server.as_handle()).unwrap();
            impersonated_user().unwrap();
        }
        peer_credentials(&server).unwrap();
        let error = impersonated_user().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ERROR_NO_TOKEN.cast_signed()));
    }
}
