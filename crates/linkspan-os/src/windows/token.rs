//! Whose rights a process or a thread has.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{HANDLE, TRUE};
use windows_sys::Win32::Security::{
    GetLengthSid, GetTokenInformation, IsValidSid, PSID, SECURITY_MAX_SID_SIZE, TOKEN_QUERY,
    TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, OpenProcessToken, OpenThreadToken,
};

use crate::Sid;

/// As whom this process runs.
pub(crate) fn process_user() -> io::Result<Sid> {
    let mut token = ptr::null_mut();
    // SAFETY: asks for nothing and always succeeds.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the handle stands for this process, and the pointer is to a local.
    check(unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call above has made the handle, and nobody else has it.
    user(&unsafe { OwnedHandle::from_raw_handle(token) })
}

/// As whom the calling thread acts, while it impersonates somebody.
pub(crate) fn impersonated_user() -> io::Result<Sid> {
    let mut token = ptr::null_mut();
    // SAFETY: asks for nothing and always succeeds.
    let thread = unsafe { GetCurrentThread() };
    // The process's own right opens the token: the impersonated user's may not be lent for that.
    // SAFETY: the handle stands for the calling thread, and the pointer is to a local.
    check(unsafe { OpenThreadToken(thread, TOKEN_QUERY, TRUE, &raw mut token) })?;
    // SAFETY: the call above has made the handle, and nobody else has it.
    user(&unsafe { OwnedHandle::from_raw_handle(token) })
}

/// A system call's answer.
pub(crate) fn check(result: i32) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn user(token: &OwnedHandle) -> io::Result<Sid> {
    let mut buffer = UserBuffer {
        head: TOKEN_USER::default(),
        _sid: [0; SECURITY_MAX_SID_SIZE as usize],
    };
    let bytes = u32::try_from(size_of_val(&buffer)).map_err(io::Error::other)?;
    let handle: HANDLE = token.as_raw_handle();
    let (place, mut written) = ((&raw mut buffer).cast(), 0);
    // SAFETY: the token is open, and the system writes at most `bytes` bytes to the buffer, which
    // has that size and the alignment of what stands at its beginning.
    check(unsafe { GetTokenInformation(handle, TokenUser, place, bytes, &raw mut written) })?;
    // SAFETY: the system has made this pointer lead to an identifier in `buffer`, which lives on.
    unsafe { copy_sid(buffer.head.User.Sid) }
}

/// Room for a user and the identifier that it points to.
#[repr(C)]
struct UserBuffer {
    head: TOKEN_USER,
    _sid: [u8; SECURITY_MAX_SID_SIZE as usize],
}

/// Copies an identifier out of the system's memory.
///
/// # Safety
///
/// `sid` is null, or leads to an identifier that the system wrote and nobody changes meanwhile.
pub(crate) unsafe fn copy_sid(sid: PSID) -> io::Result<Sid> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the system named no user");
    // SAFETY: null is allowed, and else there is an identifier, as the caller promises.
    if sid.is_null() || unsafe { IsValidSid(sid) } == 0 {
        return Err(broken());
    }
    // SAFETY: it is a valid identifier.
    let bytes = unsafe { GetLengthSid(sid) };
    let bytes = usize::try_from(bytes).map_err(|_| broken())?;
    // SAFETY: a valid identifier has so many bytes, and nobody changes them.
    let bytes = unsafe { std::slice::from_raw_parts(sid.cast::<u8>().cast_const(), bytes) };
    Sid::from_bytes(bytes).ok_or_else(broken)
}
