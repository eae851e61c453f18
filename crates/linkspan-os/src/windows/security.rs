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
    SE_FILE_OBJECT, SE_KERNEL_OBJECT, SE_OBJECT_TYPE,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetSecurityDescriptorOwner,
    OBJECT_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION, PSID, SECURITY_ATTRIBUTES,
};

use crate::Sid;
use crate::windows::access::{self, Access};
use crate::windows::text::wide;
use crate::windows::token::{check, copy_sid};

/// Owner and access list of an open pipe, mutex or the like, as SDDL text.
///
/// # Errors
///
/// The system's error, as when the handle does not have the right `READ_CONTROL`.
pub fn security_descriptor(object: impl AsHandle) -> io::Result<String> {
    let parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let info = SecurityInfo::of(&object, SE_KERNEL_OBJECT, parts)?;
    let (mut text, mut chars) = (ptr::null_mut(), 0);
    // SAFETY: the descriptor lives as long as `info`; both pointers are to locals.
    check(unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            info.memory.0,
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

/// To whom an open pipe belongs.
pub(crate) fn owner(pipe: impl AsHandle) -> io::Result<Sid> {
    SecurityInfo::of(&pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION)?.owner()
}

/// How an open object is protected.
pub(crate) struct SecurityInfo {
    owner: PSID,
    list: *mut ACL,
    /// What both lead into.
    memory: LocalMemory,
}

impl SecurityInfo {
    /// Owner and access list of an open file or directory.
    pub(crate) fn of_file(file: &impl AsHandle) -> io::Result<Self> {
        let parts = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        Self::of(file, SE_FILE_OBJECT, parts)
    }

    fn of(
        object: &impl AsHandle,
        kind: SE_OBJECT_TYPE,
        parts: OBJECT_SECURITY_INFORMATION,
    ) -> io::Result<Self> {
        let handle: HANDLE = object.as_handle().as_raw_handle();
        let (mut owner, mut list) = (ptr::null_mut(), ptr::null_mut());
        let mut descriptor = ptr::null_mut();
        let (owner_at, list_at) = (&raw mut owner, &raw mut list);
        let (none, no_list) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the object is open as long as it is borrowed; the pointers that are not null are
        // to locals.
        let result = unsafe {
            GetSecurityInfo(
                handle,
                kind,
                parts,
                owner_at,
                none,
                list_at,
                no_list,
                &raw mut descriptor,
            )
        };
        match result {
            ERROR_SUCCESS => Ok(Self {
                owner,
                list,
                memory: LocalMemory(descriptor),
            }),
            code => Err(io::Error::from_raw_os_error(code.cast_signed())),
        }
    }

    /// To whom it belongs.
    pub(crate) fn owner(&self) -> io::Result<Sid> {
        // SAFETY: the identifier is in the memory that `self` holds.
        unsafe { copy_sid(self.owner) }
    }

    /// Its access list; without one, everybody may do everything.
    pub(crate) fn access(&self) -> io::Result<Option<Vec<Access>>> {
        if self.list.is_null() {
            return Ok(None);
        }
        // SAFETY: the list is in the memory that `self` holds.
        unsafe { access::read(self.list) }.map(Some)
    }
}

/// All rights for the system, administrators and `user`, who owns the object; with the flags of
/// entries that say what is inherited from it.
pub(crate) fn owner_only(user: Sid, flags: &str) -> String {
    let entry = |who: &str| format!("(A;{flags};FA;;;{who})");
    let (system, administrators) = (entry("SY"), entry("BA"));
    let own = entry(&user.to_string());
    format!("O:{user}D:P{system}{administrators}{own}")
}

/// What a new object is given as its protection.
pub(crate) struct SecurityDescriptor {
    /// In the form without pointers; words, because it has to be aligned.
    words: Box<[u64]>,
}

impl SecurityDescriptor {
    /// Understands SDDL text; what has no owner by it belongs to `owner`.
    ///
    /// # Errors
    ///
    /// The system's error if it is not SDDL, and [`io::ErrorKind::InvalidInput`] if it has no access
    /// list: the system would then let others in.
    pub(crate) fn parse(sddl: &str, owner: Sid) -> io::Result<Self> {
        let (mut memory, mut bytes) = convert(sddl)?;
        require_access_list(&memory)?;
        if !has_owner(&memory)? {
            (memory, bytes) = convert(&format!("O:{owner}{sddl}"))?;
        }
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

/// A descriptor of SDDL text, and how many bytes it has.
fn convert(sddl: &str) -> io::Result<(LocalMemory, usize)> {
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
    Ok((memory, usize::try_from(bytes).map_err(io::Error::other)?))
}

fn has_owner(descriptor: &LocalMemory) -> io::Result<bool> {
    let (mut owner, mut defaulted) = (ptr::null_mut(), FALSE);
    // SAFETY: the descriptor lives on, and the pointers are to locals.
    check(unsafe { GetSecurityDescriptorOwner(descriptor.0, &raw mut owner, &raw mut defaulted) })?;
    Ok(!owner.is_null())
}

fn require_access_list(descriptor: &LocalMemory) -> io::Result<()> {
    let (mut present, mut defaulted) = (FALSE, FALSE);
    let mut list: *mut ACL = ptr::null_mut();
    // SAFETY: the descriptor lives on, and the pointers are to locals.
    check(unsafe {
        GetSecurityDescriptorDacl(
            descriptor.0,
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
