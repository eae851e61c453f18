//! Facts about this process.

use std::io;

use windows_sys::Win32::Foundation::{
    ERROR_COMMITMENT_LIMIT, ERROR_NO_SYSTEM_RESOURCES, ERROR_NOT_ENOUGH_MEMORY,
    ERROR_NOT_ENOUGH_QUOTA, ERROR_OUTOFMEMORY, ERROR_TOO_MANY_OPEN_FILES, WIN32_ERROR,
};

/// How many handles this process may have open: Windows sets no limit, so always `None`.
pub fn descriptor_limit() -> Option<u64> {
    None
}

/// Whether an error means that this process or the system is out of handles or memory for pipes and
/// sockets: nothing is wrong with the connection, and trying again later may help.
pub fn is_descriptor_exhaustion(error: &io::Error) -> bool {
    let code = error
        .raw_os_error()
        .and_then(|code| u32::try_from(code).ok());
    code.is_some_and(|code| EXHAUSTED.contains(&code))
}

const EXHAUSTED: [WIN32_ERROR; 8] = [
    ERROR_TOO_MANY_OPEN_FILES,
    ERROR_NOT_ENOUGH_MEMORY,
    ERROR_OUTOFMEMORY,
    ERROR_NO_SYSTEM_RESOURCES,
    ERROR_COMMITMENT_LIMIT,
    ERROR_NOT_ENOUGH_QUOTA,
    WSAEMFILE,
    WSAENOBUFS,
];
const WSAEMFILE: WIN32_ERROR = 10_024;
const WSAENOBUFS: WIN32_ERROR = 10_055;
