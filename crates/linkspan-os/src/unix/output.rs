//! Standard descriptors that become others.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use crate::FileId;
use crate::unix::socket::identity;

pub(crate) fn redirect(from: FileId, to: &File) -> io::Result<()> {
    if leads_to(io::stdout(), from) {
        rustix::stdio::dup2_stdout(to)?;
    }
    if leads_to(io::stderr(), from) {
        rustix::stdio::dup2_stderr(to)?;
    }
    Ok(())
}

fn leads_to(stream: impl AsFd, file: FileId) -> bool {
    rustix::fs::fstat(stream).is_ok_and(|stat| FileId(identity(&stat)) == file)
}
