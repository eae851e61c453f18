//! Text as the system takes it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The system's text that these bytes are.
///
/// What [`as_encoded_bytes`](std::ffi::OsStr::as_encoded_bytes) gave, in whatever process, comes back
/// as it was.
pub fn os_string(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
