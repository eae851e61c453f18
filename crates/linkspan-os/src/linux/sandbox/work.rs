//! What is done in turn to make a program's file system. All of it only makes system calls.
//!
//! Part of it is done in directories that the program may have changed at an earlier start, with the
//! rights of the host. So no link is followed on the way, neither to what is mounted nor to where.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};

use super::grants::Inode;
use super::raw;
use super::step::Step;

#[derive(Debug)]
pub(super) enum Work {
    Directory(Place),
    File(Place),
    Link {
        to: CString,
        at: CString,
    },
    Bind {
        from: CString,
        /// What has to be found there.
        inode: Option<Inode>,
        at: Place,
        restrictions: u64,
    },
    Memory {
        at: CString,
        options: CString,
    },
    Proc {
        at: CString,
    },
    /// The host's.
    Processes {
        at: Place,
    },
    /// Hides what is there.
    Cover {
        is_directory: bool,
        at: Place,
    },
}

impl Work {
    pub(super) fn run(&self) -> Result<(), Errno> {
        match self {
            Self::Directory(at) => at.make_directory(),
            Self::File(at) => at.make_file(),
            Self::Link { to, at } => rustix::fs::symlink(&**to, &**at),
            Self::Bind {
                from,
                inode,
                at,
                restrictions,
            } => bind(from, *inode, at, *restrictions),
            Self::Memory { at, options } => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV;
                mount(c"tmpfs", &**at, c"tmpfs", flags, Some(&**options))
            }
            Self::Proc { at } => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
                mount(c"proc", &**at, c"proc", flags, Some(c"subset=pid"))
            }
            Self::Processes { at } => bind(HOST_PROC, None, at, raw::NO_EXECUTION | LOOK_ONLY),
            Self::Cover { is_directory, at } => cover(*is_directory, at),
        }
    }

    /// What it is called if it fails.
    pub(super) fn step(&self) -> Step {
        match self {
            Self::Proc { .. } => Step::Proc,
            Self::Processes { .. } | Self::Cover { .. } => Step::Processes,
            Self::Bind { inode: Some(_), .. } => Step::Granted,
            _ => Step::Mount,
        }
    }
}

fn bind(from: &CStr, inode: Option<Inode>, at: &Place, restrictions: u64) -> Result<(), Errno> {
    let source = open(from)?;
    if let Some(inode) = inode
        && Inode::of(&rustix::fs::fstat(&source)?) != inode
    {
        return Err(Errno::STALE);
    }
    let flags = OpenTreeFlags::AT_EMPTY_PATH | OpenTreeFlags::AT_RECURSIVE;
    let flags = flags | OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(&source, c"", flags)?;
    raw::restrict_mounts(&tree, restrictions)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&tree, c"", open(&at.path)?, c"", flags)
}

/// With an empty directory, or a device that cannot be opened.
fn cover(is_directory: bool, at: &Place) -> Result<(), Errno> {
    let with = if is_directory { NOTHING } else { HOST_NULL };
    match bind(with, None, at, LOOK_ONLY) {
        // It went away with what had made it.
        Err(Errno::NOENT) => Ok(()),
        result => result,
    }
}

/// A place in the new file system.
#[derive(Debug)]
pub(super) struct Place {
    path: CString,
    parent: CString,
    name: CString,
}

impl Place {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let text = |part: &[u8]| CString::new(part);
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            path: text(path.as_os_str().as_bytes())?,
            parent: text(parent.as_os_str().as_bytes())?,
            name: text(name.as_bytes())?,
        })
    }

    fn make_directory(&self) -> Result<(), Errno> {
        let mode = Mode::from(0o755);
        may_stand(rustix::fs::mkdirat(open(&self.parent)?, &*self.name, mode))
    }

    fn make_file(&self) -> Result<(), Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(open(&self.parent)?, &*self.name, flags, mode);
        may_stand(file.map(drop))
    }
}

/// What is in a granted directory need not be made, and perhaps cannot.
fn may_stand(made: Result<(), Errno>) -> Result<(), Errno> {
    match made {
        Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS) => Ok(()),
        result => result,
    }
}

fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

/// What directories are covered with; it is removed in the end.
pub(super) const NOTHING: &CStr = c"/.nothing";
const HOST_PROC: &CStr = c"/.host/proc";
const HOST_NULL: &CStr = c"/.host/dev/null";
const LOOK_ONLY: u64 = raw::READ_ONLY | raw::NO_SUID | raw::NO_DEVICES;
