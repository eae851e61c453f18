//! Names that are swapped, where no system call does it.

use std::io;
use std::path::Path;

use crate::Directory;
use crate::file::temporary_name;

/// Swaps two names in a directory, in three steps.
pub(crate) fn exchange(directory: &Directory, one: &Path, other: &Path) -> io::Result<()> {
    let aside = temporary_name(other);
    directory.rename_inner(other, &aside)?;
    directory.rename_inner(one, other)?;
    directory.rename_inner(&aside, one)
}
