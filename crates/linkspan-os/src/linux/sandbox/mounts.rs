//! The file system that a program sees at the strict level.
//!
//! It is made in an empty one in memory, out of what is read-only of the system's, of what was granted,
//! of a `/proc` of its own and of a `/tmp` that is limited in size. The list of what is to be done is
//! written down before the fork.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};

use super::raw::{self, NO_DEVICES, NO_SUID, READ_ONLY};
use super::step::{At, Failure, Report, Step, report};
use crate::sandbox::{Access, Grant};

/// What programs need of the system, and nothing that is secret. What does not exist is left out.
pub(super) const SYSTEM: [&str; 11] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
];

/// Devices that can do no harm.
pub(super) const DEVICES: [&str; 5] = [
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];

/// Places that exist only once it is made.
pub(super) const PROC: &CStr = c"/proc";
pub(super) const TEMPORARY: &CStr = c"/tmp";

/// All that is to be done.
#[derive(Debug)]
pub(super) struct Mounts {
    /// A directory of the host that is covered for a moment.
    base: CString,
    old: CString,
    work: Vec<Work>,
}

#[derive(Debug)]
enum Work {
    Directory(CString),
    File(CString),
    Link {
        to: CString,
        at: CString,
    },
    Bind {
        from: CString,
        at: CString,
        restrictions: u64,
    },
    Memory {
        at: CString,
        options: CString,
    },
    Proc {
        at: CString,
    },
}

impl Mounts {
    pub(super) fn new(grants: &[Grant], disk_bytes: u64) -> io::Result<Self> {
        let mut work = Vec::new();
        for path in SYSTEM {
            add_system(Path::new(path), &mut work)?;
        }
        add_devices(&mut work)?;
        add_own(disk_bytes, &mut work)?;
        let mut grants: Vec<_> = grants.iter().collect();
        // One that is below another comes after it.
        grants.sort_by_key(|grant| grant.seen_at.components().count());
        for grant in grants {
            add_grant(grant, &mut work)?;
        }
        let base = BASES.into_iter().find(|path| Path::new(path).is_dir());
        let base = Path::new(base.unwrap_or("/"));
        Ok(Self {
            base: text(base)?,
            old: text(&base.join(OLD))?,
            work,
        })
    }

    /// Leaves the host's file system for the new one. Only makes system calls.
    pub(super) fn enter(&self, channel: impl AsFd) -> Result<(), Failure> {
        self.begin().at(Step::Mount)?;
        for work in &self.work {
            match (work, work.run()) {
                (Work::Proc { .. }, Err(errno)) => {
                    let step = Step::Proc;
                    report(&channel, Report::LeftOut(Failure { step, errno }));
                }
                (_, result) => result.at(Step::Mount)?,
            }
        }
        finish().at(Step::Mount)
    }

    fn begin(&self) -> Result<(), Errno> {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change(c"/", private)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(
            c"tmpfs",
            &*self.base,
            c"tmpfs",
            flags,
            Some(c"mode=755,size=1m"),
        )?;
        rustix::fs::mkdir(&*self.old, Mode::RWXU)?;
        rustix::process::pivot_root(&*self.base, &*self.old)?;
        rustix::process::chdir(c"/")
    }
}

/// From here on nothing of the host's can be reached but what was bound.
fn finish() -> Result<(), Errno> {
    unmount(OLD_ROOT, UnmountFlags::DETACH)?;
    rustix::fs::rmdir(OLD_ROOT)?;
    raw::restrict_mount(c"/", READ_ONLY | NO_SUID | NO_DEVICES, false)
}

impl Work {
    fn run(&self) -> Result<(), Errno> {
        match self {
            Self::Directory(path) => match rustix::fs::mkdir(&**path, Mode::from(0o755)) {
                // What is in a granted directory need not be made, and perhaps cannot.
                Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS) => Ok(()),
                result => result,
            },
            Self::File(path) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                match rustix::fs::openat(CWD, &**path, flags, Mode::RUSR | Mode::WUSR) {
                    Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS) => Ok(()),
                    result => result.map(drop),
                }
            }
            Self::Link { to, at } => rustix::fs::symlink(&**to, &**at),
            Self::Bind {
                from,
                at,
                restrictions,
            } => {
                mount_bind_recursive(&**from, &**at)?;
                raw::restrict_mount(at, *restrictions, true)
            }
            Self::Memory { at, options } => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV;
                mount(c"tmpfs", &**at, c"tmpfs", flags, Some(&**options))
            }
            Self::Proc { at } => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                mount(c"proc", &**at, c"proc", flags, Some(c"subset=pid"))
            }
        }
    }
}

fn add_system(path: &Path, work: &mut Vec<Work>) -> io::Result<()> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    add_parents(path, work)?;
    if metadata.is_symlink() {
        let to = CString::new(fs::read_link(path)?.into_os_string().into_vec())?;
        let at = text(path)?;
        work.push(Work::Link { to, at });
        return Ok(());
    }
    let restrictions = READ_ONLY | NO_SUID | NO_DEVICES;
    add_bind(path, path, metadata.is_dir(), restrictions, work)
}

fn add_devices(work: &mut Vec<Work>) -> io::Result<()> {
    work.push(Work::Directory(c"/dev".into()));
    for device in DEVICES {
        add_bind(Path::new(device), Path::new(device), false, NO_SUID, work)?;
    }
    for (at, to) in LINKS {
        let (to, at) = (to.into(), at.into());
        work.push(Work::Link { to, at });
    }
    Ok(())
}

fn add_own(disk_bytes: u64, work: &mut Vec<Work>) -> io::Result<()> {
    work.push(Work::Directory(PROC.into()));
    work.push(Work::Proc { at: PROC.into() });
    work.push(Work::Directory(TEMPORARY.into()));
    // Files without content cost memory, too.
    let files = (disk_bytes / 4096).clamp(64, 1 << 20);
    work.push(Work::Memory {
        at: TEMPORARY.into(),
        options: CString::new(format!("mode=1777,size={disk_bytes},nr_inodes={files}"))?,
    });
    Ok(())
}

fn add_grant(grant: &Grant, work: &mut Vec<Work>) -> io::Result<()> {
    let restrictions = match grant.access {
        Access::Read => READ_ONLY | NO_SUID | NO_DEVICES,
        Access::Write => NO_SUID | NO_DEVICES,
    };
    let is_directory = grant.path.metadata()?.is_dir();
    // A link is followed here, as it would lead elsewhere in the new file system.
    let path = grant.path.canonicalize()?;
    add_parents(&grant.seen_at, work)?;
    add_bind(&path, &grant.seen_at, is_directory, restrictions, work)
}

fn add_bind(
    from: &Path,
    at: &Path,
    is_directory: bool,
    restrictions: u64,
    work: &mut Vec<Work>,
) -> io::Result<()> {
    let from = Path::new("/")
        .join(OLD)
        .join(from.strip_prefix("/").unwrap_or(from));
    let (from, at) = (text(&from)?, text(at)?);
    work.push(match is_directory {
        true => Work::Directory(at.clone()),
        false => Work::File(at.clone()),
    });
    work.push(Work::Bind {
        from,
        at,
        restrictions,
    });
    Ok(())
}

fn add_parents(path: &Path, work: &mut Vec<Work>) -> io::Result<()> {
    let parents: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
    for parent in parents.iter().rev().filter(|path| path.parent().is_some()) {
        work.push(Work::Directory(text(parent)?));
    }
    Ok(())
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Where the host's file system is until it is left, beside what is made.
const OLD: &str = ".host";
const OLD_ROOT: &CStr = c"/.host";
/// One of them exists everywhere.
const BASES: [&str; 4] = ["/tmp", "/run", "/mnt", "/usr"];
const LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
    // Shared memory is part of the same quota.
    (c"/dev/shm", c"/tmp"),
];
