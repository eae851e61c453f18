//! Names that are swapped.

use std::io;
use std::path::Path;

use rustix::fs::RenameFlags;

use crate::Directory;
use crate::unix::exchange_portable::exchange as in_steps;

/// Swaps two names in a directory, all at once where the file system can.
pub(crate) fn exchange(directory: &Directory, one: &Path, other: &Path) -> io::Result<()> {
    let flags = RenameFlags::EXCHANGE;
    match rustix::fs::renameat_with(directory, one, directory, other, flags) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => in_steps(directory, one, other),
        result => Ok(result?),
    }
}
