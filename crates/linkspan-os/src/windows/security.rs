//! Security descriptors: who may do what with an object.
#![expect(unsafe_code, reason = "calls the system")]

use std::ffi::{OsString, c_void};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, FALSE, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1,
    SE_KERNEL_OBJECT,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, OBJECT_SECURITY_INFORMATION,
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
};

use crate::Sid;
use crate::windows::text::wide;
use crate::windows::token::{check, copy_sid};

/// Owner and access list of an open pipe, mutex or the like, as SDDL text.
///
/// # Errors
///
/// The system's error, as when the handle does not have the right `READ_CONTROL`.
pub fn security_descriptor(object: impl AsHandle) -> io::Result<String> {
    let parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let (_, memory) = security_info(&object, parts)?;
    let (mut text, mut chars) = (ptr::null_mut(), 0);
    // SAFETY: the descriptor lives as long as `memory`; both pointers are to locals.
    check(unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            memory.0,
            SDDL_REVISION_1,
            parts,
            &raw mut text,
            &raw mut chars,
        )
    })?;
    let memory = LocalMemory(text.cast());
    let chars = usize::try_from(chars).map_err(io::Error::other)?;
    // SAFETY: the system has written so many characters there, and they live as long as `memory`.
    let text = unsafe { std::slice::from_raw_parts(memory.0.cast::<u16>().cast_const(), chars) };
    let text = OsString::from_wide(text.split(|unit| *unit == 0).next().unwrap_or_default());
    text.into_string()
        .map_err(|_| io::ErrorKind::InvalidData.into())
}

/// To whom an open object belongs.
pub(crate) fn owner(object: impl AsHandle) -> io::Result<Sid> {
    let (owner, _memory) = security_info(&object, OWNER_SECURITY_INFORMATION)?;
    // SAFETY: the identifier is in `_memory`, which lives on.
    unsafe { copy_sid(owner) }
}

fn security_info(
    object: &impl AsHandle,
    parts: OBJECT_SECURITY_INFORMATION,
) -> io::Result<(PSID, LocalMemory)> {
    let handle: HANDLE = object.as_handle().as_raw_handle();
    let (mut owner, mut descriptor) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the object is open as long as it is borrowed; the pointers that are not null are to
    // locals.
    let result = unsafe {
        GetSecurityInfo(
            handle,
            SE_KERNEL_OBJECT,
            parts,
            &raw mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    match result {
        ERROR_SUCCESS => Ok((owner, LocalMemory(descriptor))),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

/// What a new object is given as its protection.
pub(crate) struct SecurityDescriptor {
    /// In the form without pointers; words, because it has to be aligned.
    words: Box<[u64]>,
}

impl SecurityDescriptor {
    /// Understands SDDL text.
    ///
    /// # Errors
    ///
    /// The system's error if it is not SDDL, and [`io::ErrorKind::InvalidInput`] if it has no access
    /// list: the system would then let others in.
    pub(crate) fn parse(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl);
        let (mut descriptor, mut bytes) = (ptr::null_mut(), 0);
        // SAFETY: the text ends with a zero, and both pointers are to locals.
        check(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                &raw mut bytes,
            )
        })?;
        let memory = LocalMemory(descriptor);
        require_access_list(&memory)?;
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let mut words = vec![0_u64; bytes.div_ceil(size_of::<u64>())].into_boxed_slice();
        let place = words.as_mut_ptr().cast::<u8>();
        // SAFETY: the descriptor has so many bytes, `words` has at least as many, and one was made
        // after the other, so that they are apart.
        unsafe { ptr::copy_nonoverlapping(memory.0.cast::<u8>().cast_const(), place, bytes) };
        Ok(Self { words })
    }

    /// Attributes for the making of an object that no child process inherits. Their pointer leads
    /// into this value.
    pub(crate) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        #[expect(clippy::cast_possible_truncation, reason = "it is 24 bytes")]
        const BYTES: u32 = size_of::<SECURITY_ATTRIBUTES>() as u32;
        SECURITY_ATTRIBUTES {
            nLength: BYTES,
            lpSecurityDescriptor: self.words.as_ptr().cast_mut().cast(),
            bInheritHandle: FALSE,
        }
    }
}

fn require_access_list(descriptor: &LocalMemory) -> io::Result<()> {
    let (mut present, mut defaulted) = (FALSE, FALSE);
    let mut list: *mut ACL = ptr::null_mut();
    let descriptor: PSECURITY_DESCRIPTOR = descriptor.0;
    // SAFETY: the descriptor lives on, and the pointers are to locals.
    check(unsafe {
        GetSecurityDescriptorDacl(
            descriptor,
            &raw mut present,
            &raw mut list,
            &raw mut defaulted,
        )
    })?;
    if present == FALSE || list.is_null() {
        let text = "it has no access list (D:...), and so would not keep others out";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

/// Memory that the system has given to its caller.
struct LocalMemory(*mut c_void);

impl Drop for LocalMemory {
    fn drop(&mut self) {
        // SAFETY: the memory came from the system to be freed so, and nothing points to it any more.
        unsafe { LocalFree(self.0) };
    }
}
