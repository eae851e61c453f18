//! Copies in memory that nobody can change.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

pub(crate) fn sealed_copy(
    mut source: impl Read,
    name: &str,
    mut observe: impl FnMut(&[u8]),
) -> io::Result<File> {
    let mut copy = File::from(create(name)?);
    let mut piece = vec![0; 128 * 1024];
    loop {
        let length = match source.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        };
        let Some(bytes) = piece.get(..length).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        observe(bytes);
        copy.write_all(bytes)?;
    }
    let size = SealFlags::GROW | SealFlags::SHRINK;
    fcntl_add_seals(&copy, size | SealFlags::WRITE | SealFlags::SEAL)?;
    copy.seek(SeekFrom::Start(0))?;
    Ok(copy)
}

fn create(name: &str) -> io::Result<rustix::fd::OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | MemfdFlags::EXEC) {
        // Kernels before 6.3, where all such files can be executed.
        Err(Errno::INVAL) => Ok(memfd_create(name, flags)?),
        result => Ok(result?),
    }
}
