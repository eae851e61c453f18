//! Landlock: what of files and the network is left to a process that restricts itself.
//!
//! The calls are made here and not through the crate landlock, because part of the rules is added
//! after the fork, when paths exist that did not before; there nothing may allocate.
#![expect(unsafe_code, reason = "calls the system")]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::raw::checked;

/// Which version this system has; `None` without Landlock.
pub(super) fn abi() -> Option<u32> {
    const VERSION: libc::c_int = 1;
    // SAFETY: with this flag nothing is read.
    let result = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<Attributes>(),
            0_usize,
            VERSION,
        )
    };
    checked(result).ok().and_then(|abi| u32::try_from(abi).ok())
}

/// What may be done with a file or directory and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rights(u64);

impl Rights {
    pub(super) const LOOK: Self = Self(READ_FILE | READ_DIRECTORY);
    pub(super) const READ: Self = Self(EXECUTE | READ_FILE | READ_DIRECTORY);
    pub(super) const DEVICE: Self = Self(READ_FILE | WRITE_FILE);
    pub(super) const WRITE: Self = Self(
        Self::READ.0 | WRITE_FILE | REMOVE_DIRECTORY | REMOVE_FILE | MAKE_OTHERS | REFER | TRUNCATE,
    );
}

/// Rules that were written down, and do not hold for anybody yet.
#[derive(Debug)]
pub(super) struct Ruleset {
    descriptor: OwnedFd,
    handled: u64,
}

impl Ruleset {
    /// Rules that forbid whatever version `abi` can forbid.
    pub(super) fn new(abi: u32) -> Result<Self, Errno> {
        let all = match abi {
            0..2 => (1 << 13) - 1,
            2 => (1 << 14) - 1,
            3..5 => (1 << 15) - 1,
            5.. => (1 << 16) - 1,
        };
        let attributes = Attributes {
            files: all,
            network: if abi >= 4 { BIND_TCP | CONNECT_TCP } else { 0 },
            scopes: if abi >= 6 {
                ABSTRACT_SOCKETS | SIGNALS
            } else {
                0
            },
        };
        let size = match abi {
            0..4 => 8_usize,
            4..6 => 16,
            6.. => 24,
        };
        // SAFETY: the pointer is to a local that has at least `size` bytes.
        let result = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                &raw const attributes,
                size,
                0,
            )
        };
        let number = RawFd::try_from(checked(result)?).map_err(|_| Errno::BADF)?;
        // SAFETY: the system has just opened it for this process.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        Ok(Self {
            descriptor,
            handled: all,
        })
    }

    /// The same rules under another number.
    pub(super) fn with_descriptor(
        self,
        change: impl FnOnce(OwnedFd) -> Result<OwnedFd, Errno>,
    ) -> Result<Self, Errno> {
        Ok(Self {
            descriptor: change(self.descriptor)?,
            handled: self.handled,
        })
    }

    pub(super) fn number(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    pub(super) fn allow_path(&self, path: &Path, rights: Rights) -> Result<(), Errno> {
        self.allow_file(rustix::fs::openat(CWD, path, PLACE, Mode::empty())?, rights)
    }

    /// Can be called after a fork.
    pub(super) fn allow_new(&self, path: &CStr, rights: Rights) -> Result<(), Errno> {
        self.allow_file(rustix::fs::openat(CWD, path, PLACE, Mode::empty())?, rights)
    }

    pub(super) fn allow_file(&self, file: impl AsFd, rights: Rights) -> Result<(), Errno> {
        let mode = rustix::fs::fstat(&file)?.st_mode;
        let possible = match FileType::from_raw_mode(mode) {
            FileType::Directory => u64::MAX,
            _ => OF_FILES,
        };
        self.add(
            PATH_BENEATH,
            &PathBeneath {
                allowed: rights.0 & possible & self.handled,
                parent: file.as_fd().as_raw_fd(),
            },
        )
    }

    pub(super) fn allow_connecting(&self, port: u16) -> Result<(), Errno> {
        self.add(
            NET_PORT,
            &NetPort {
                allowed: CONNECT_TCP,
                port: port.into(),
            },
        )
    }

    fn add<T: Rule>(&self, kind: libc::c_int, rule: &T) -> Result<(), Errno> {
        // SAFETY: the pointer is to a rule of that kind, which is only read.
        let result = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.number(),
                kind,
                ptr::from_ref(rule),
                0,
            )
        };
        checked(result).map(drop)
    }

    /// Lets the rules hold for this process, for ever. Can be called after a fork.
    pub(super) fn restrict_self(&self) -> Result<(), Errno> {
        // SAFETY: touches no memory.
        let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.number(), 0) };
        checked(result).map(drop)
    }
}

/// `struct landlock_ruleset_attr` of the kernel; older ones know its beginning only.
#[repr(C)]
struct Attributes {
    files: u64,
    network: u64,
    scopes: u64,
}

/// What can be given to the kernel as a rule.
trait Rule {}

/// `struct landlock_path_beneath_attr` of the kernel.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: RawFd,
}

impl Rule for PathBeneath {}

/// `struct landlock_net_port_attr` of the kernel.
#[repr(C)]
struct NetPort {
    allowed: u64,
    port: u64,
}

impl Rule for NetPort {}

const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
const PATH_BENEATH: libc::c_int = 1;
const NET_PORT: libc::c_int = 2;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIRECTORY: u64 = 1 << 3;
const REMOVE_DIRECTORY: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
/// Directories, files, sockets, pipes and links; no devices.
const MAKE_OTHERS: u64 = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const CONTROL_DEVICE: u64 = 1 << 15;
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | CONTROL_DEVICE;

const BIND_TCP: u64 = 1;
const CONNECT_TCP: u64 = 2;
const ABSTRACT_SOCKETS: u64 = 1;
const SIGNALS: u64 = 2;
