//! Connecting to pipes.

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;

use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OVERLAPPED, FILE_READ_ATTRIBUTES, READ_CONTROL, SECURITY_IDENTIFICATION,
    SECURITY_SQOS_PRESENT,
};

use crate::peer_credentials;
use crate::windows::pipe::name;

/// Connects to the pipe `\\.\pipe\NAME`, in bytes and in both directions.
///
/// The server learns who this process is, and cannot act in its name. Whether it is the server that
/// was meant is said by [`peer_credentials`].
///
/// # Errors
///
/// - [`io::ErrorKind::NotFound`]: nobody has such a pipe.
/// - [`io::ErrorKind::WouldBlock`]: all its instances are taken, in which case trying again soon may
///   succeed.
/// - [`io::ErrorKind::PermissionDenied`]: the pipe's security descriptor does not let this user in.
/// - [`io::ErrorKind::InvalidInput`]: no pipe can have this name; the source is a
///   [`PipeNameError`](crate::PipeNameError).
/// - Others are the system's.
///
/// # Panics
///
/// If it is not called in a tokio runtime whose I/O is enabled.
pub fn connect_pipe(name: &str) -> io::Result<NamedPipeClient> {
    let mut options = ClientOptions::new();
    options.security_qos_flags(SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION);
    options.open(path(name)?).map_err(answer)
}

/// Connects to the pipe `\\.\pipe\NAME` like [`connect_pipe`], without a runtime.
///
/// The handle's operations may overlap, and report to no completion port yet.
///
/// # Errors
///
/// Those of [`connect_pipe`].
pub fn open_pipe(name: &str) -> io::Result<OwnedHandle> {
    let mut options = OpenOptions::new();
    let pipe = options
        .read(true)
        .write(true)
        .share_mode(0)
        .custom_flags(FILE_FLAG_OVERLAPPED)
        .security_qos_flags(SECURITY_IDENTIFICATION)
        .open(path(name)?)
        .map_err(answer)?;
    Ok(pipe.into())
}

fn path(name: &str) -> io::Result<String> {
    name::path(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn answer(error: io::Error) -> io::Error {
    match is_busy(&error) {
        true => io::Error::new(io::ErrorKind::WouldBlock, error),
        false => error,
    }
}

/// The process that has made the pipe at `path`, if it can be asked.
///
/// A live server sees a connection that closes at once.
pub(crate) fn maker(path: &str) -> Option<u32> {
    let mut options = OpenOptions::new();
    let pipe = options
        .access_mode(FILE_READ_ATTRIBUTES | READ_CONTROL)
        .security_qos_flags(SECURITY_IDENTIFICATION)
        .open(path);
    peer_credentials(pipe.ok()?).ok()?.pid
}

/// Whether there is such a pipe, and every instance has its client.
pub(crate) fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_PIPE_BUSY.cast_signed())
}
