//! Which handles a new process inherits.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::windows::io::RawHandle;
use std::ptr;

use windows_sys::Win32::System::Threading::{
    DeleteProcThreadAttributeList, InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST,
    PROC_THREAD_ATTRIBUTE_HANDLE_LIST, UpdateProcThreadAttribute,
};

use crate::windows::token::check;

/// The list that says that, as the system takes it.
pub(crate) struct HandleList {
    /// Words, because it has to be aligned.
    words: Box<[u64]>,
    /// The list leads into it.
    handles: Vec<RawHandle>,
}

impl HandleList {
    pub(crate) fn new(handles: Vec<RawHandle>) -> io::Result<Self> {
        let mut bytes = 0;
        // SAFETY: without a list the system only says how long it is, and that as an error.
        unsafe { InitializeProcThreadAttributeList(ptr::null_mut(), 1, 0, &raw mut bytes) };
        let mut words = vec![0_u64; bytes.div_ceil(size_of::<u64>())].into_boxed_slice();
        let place: LPPROC_THREAD_ATTRIBUTE_LIST = words.as_mut_ptr().cast();
        // SAFETY: there is as much room as the system has asked for.
        check(unsafe { InitializeProcThreadAttributeList(place, 1, 0, &raw mut bytes) })?;
        let list = Self { words, handles };
        let attribute = usize::try_from(PROC_THREAD_ATTRIBUTE_HANDLE_LIST);
        let attribute = attribute.map_err(io::Error::other)?;
        let (inherited, none) = (list.handles.as_slice(), ptr::null_mut());
        // SAFETY: the list was initialised with room for one attribute; the handles live as long as
        // it does, and do not move with it.
        check(unsafe {
            UpdateProcThreadAttribute(
                list.as_ptr(),
                0,
                attribute,
                inherited.as_ptr().cast(),
                size_of_val(inherited),
                none,
                ptr::null(),
            )
        })?;
        Ok(list)
    }

    pub(crate) fn as_ptr(&self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.words.as_ptr().cast_mut().cast()
    }
}

impl Drop for HandleList {
    fn drop(&mut self) {
        // SAFETY: the list was initialised, and nobody uses it any more.
        unsafe { DeleteProcThreadAttributeList(self.as_ptr()) };
    }
}
