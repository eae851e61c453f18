//! Access lists.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{GENERIC_ALL, GENERIC_WRITE};
use windows_sys::Win32::Security::{ACCESS_ALLOWED_ACE, ACL, GetAce, INHERIT_ONLY_ACE};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_DELETE_CHILD, WRITE_DAC, WRITE_OWNER,
};

use crate::Sid;
use crate::windows::token::{check, copy_sid};

/// Rights that somebody is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    pub(crate) who: Sid,
    rights: u32,
}

impl Access {
    /// Whether they change what is in a directory, or who may.
    pub(crate) fn writes(&self) -> bool {
        self.rights & WRITING != 0
    }
}

/// Who is given rights by an access list. What is only for heirs of the object is left out, and so
/// is what takes rights away: they are counted as if it were not there.
///
/// # Safety
///
/// `list` leads to an access list that the system wrote and nobody changes meanwhile.
pub(crate) unsafe fn read(list: *const ACL) -> io::Result<Vec<Access>> {
    // SAFETY: there is a list, as the caller promises.
    let count = unsafe { (*list).AceCount };
    let mut access = Vec::new();
    for at in 0..u32::from(count) {
        let mut entry = ptr::null_mut();
        // SAFETY: there is a list, and the pointer is to a local.
        check(unsafe { GetAce(list, at, &raw mut entry) })?;
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: every entry begins with this header.
        let header = unsafe { (*entry).Header };
        let is_for_heirs = u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0;
        if is_for_heirs || !ALLOWING.contains(&header.AceType) {
            continue;
        }
        // SAFETY: entries of these types have the rights behind their header.
        let rights = unsafe { (*entry).Mask };
        // SAFETY: and the identifier begins in the field behind the rights.
        let sid = unsafe { &raw mut (*entry).SidStart };
        // SAFETY: it is part of the list.
        let who = unsafe { copy_sid(sid.cast()) }?;
        access.push(Access { who, rights });
    }
    Ok(access)
}

/// Entries that give rights, with and without a condition.
const ALLOWING: [u8; 2] = [0, 9];
const WRITING: u32 = FILE_ADD_FILE
    | FILE_ADD_SUBDIRECTORY
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;
