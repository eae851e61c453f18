//! The file system that a program sees at the strict level.
//!
//! It is made in an empty one in memory, out of what is read-only of the system's, of what was granted,
//! of a `/proc` of its own and of a `/tmp` that is limited in size. The list of what is to be done is
//! written down before the fork.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};

use super::grants::{Held, Inode};
use super::processes;
use super::raw::{self, NO_DEVICES, NO_SUID, READ_ONLY};
use super::step::{At, Failure, Report, Step, report};
use super::work::{NOTHING, Place, Work};
use crate::sandbox::{Access, Launch};

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

impl Mounts {
    pub(super) fn new(launch: &Launch, grants: &[Held]) -> io::Result<Self> {
        let mut plan = Plan::default();
        for path in SYSTEM {
            plan.add_system(Path::new(path))?;
        }
        plan.add_devices()?;
        plan.add_directory(Path::new("/proc"))?;
        match launch.sees_processes {
            true => plan.add_processes()?,
            false => plan.work.push(Work::Proc { at: PROC.into() }),
        }
        plan.add_temporary(launch.limits.disk_bytes)?;
        let mut grants: Vec<_> = grants.iter().collect();
        // One that is below another comes after it.
        grants.sort_by_key(|grant| grant.seen_at.components().count());
        for grant in grants {
            plan.add_grant(grant)?;
        }
        let base = BASES.into_iter().find(|path| Path::new(path).is_dir());
        let base = Path::new(base.unwrap_or("/"));
        Ok(Self {
            base: text(base)?,
            old: text(&base.join(OLD))?,
            work: plan.work,
        })
    }

    /// Leaves the host's file system for the new one. Only makes system calls.
    pub(super) fn enter(&self, channel: impl AsFd) -> Result<(), Failure> {
        self.begin().at(Step::Mount)?;
        for work in &self.work {
            match (work.step(), work.run()) {
                (step @ Step::Proc, Err(errno)) => {
                    report(&channel, Report::LeftOut(Failure { step, errno }));
                }
                (step, result) => result.at(step)?,
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
    // It stands there only if something was covered with it.
    rustix::fs::rmdir(NOTHING).ok();
    raw::restrict_mount(CWD, c"/", READ_ONLY | NO_SUID | NO_DEVICES)
}

#[derive(Default)]
struct Plan {
    work: Vec<Work>,
    /// Links that will stand in the new file system: where, and where they lead.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Plan {
    fn add_system(&mut self, path: &Path) -> io::Result<()> {
        let Ok(metadata) = path.symlink_metadata() else {
            return Ok(());
        };
        self.add_parents(path)?;
        if metadata.is_symlink() {
            return self.add_link(path, &fs::read_link(path)?);
        }
        let from = path.canonicalize()?;
        let restrictions = READ_ONLY | NO_SUID | NO_DEVICES;
        self.add_bind(&from, path, metadata.is_dir(), restrictions, None)
    }

    fn add_devices(&mut self) -> io::Result<()> {
        self.add_directory(Path::new("/dev"))?;
        for device in DEVICES {
            let device = Path::new(device);
            self.add_bind(device, device, false, NO_SUID, None)?;
        }
        for (at, to) in LINKS {
            self.add_link(Path::new(at), Path::new(to))?;
        }
        Ok(())
    }

    /// The host's own `/proc`, of which the processes stay.
    fn add_processes(&mut self) -> io::Result<()> {
        let proc = Path::new("/proc");
        self.add_directory(Path::new("/.nothing"))?;
        self.work.push(Work::Processes {
            at: Place::new(proc)?,
        });
        for entry in fs::read_dir(proc)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Links lead into the directory of the process that follows them.
            if !kind.is_symlink() && !processes::belongs(&entry.file_name()) {
                self.work.push(Work::Cover {
                    is_directory: kind.is_dir(),
                    at: Place::new(&entry.path())?,
                });
            }
        }
        Ok(())
    }

    fn add_temporary(&mut self, disk_bytes: u64) -> io::Result<()> {
        self.add_directory(Path::new("/tmp"))?;
        // Files without content cost memory, too.
        let files = (disk_bytes / 4096).clamp(64, 1 << 20);
        self.work.push(Work::Memory {
            at: TEMPORARY.into(),
            options: CString::new(format!("mode=1777,size={disk_bytes},nr_inodes={files}"))?,
        });
        Ok(())
    }

    fn add_grant(&mut self, grant: &Held) -> io::Result<()> {
        let restrictions = match grant.access {
            Access::Read => READ_ONLY | NO_SUID | NO_DEVICES,
            Access::Write => NO_SUID | NO_DEVICES,
        };
        let at = self.past_links(&grant.seen_at);
        self.add_parents(&at)?;
        let (found, inode) = (&grant.found, Some(grant.found.inode));
        self.add_bind(&found.path, &at, found.is_directory, restrictions, inode)
    }

    /// Where a path of the new file system leads; there nothing follows links any more.
    fn past_links(&self, path: &Path) -> PathBuf {
        let mut path = path.to_owned();
        for _ in &self.links {
            let next = self.links.iter().find_map(|(at, to)| {
                let rest = path.strip_prefix(at).ok()?;
                let to = at.parent()?.join(to);
                Some(to.components().chain(rest.components()).collect())
            });
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        path
    }

    fn add_bind(
        &mut self,
        from: &Path,
        at: &Path,
        is_directory: bool,
        restrictions: u64,
        inode: Option<Inode>,
    ) -> io::Result<()> {
        match is_directory {
            true => self.add_directory(at)?,
            false => self.work.push(Work::File(Place::new(at)?)),
        }
        let from = from.strip_prefix("/").unwrap_or(from);
        self.work.push(Work::Bind {
            from: text(&Path::new("/").join(OLD).join(from))?,
            inode,
            at: Place::new(at)?,
            restrictions,
        });
        Ok(())
    }

    fn add_parents(&mut self, path: &Path) -> io::Result<()> {
        let parents: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        let parents = parents.iter().rev().filter(|path| path.parent().is_some());
        parents.into_iter().try_for_each(|p| self.add_directory(p))
    }

    fn add_directory(&mut self, path: &Path) -> io::Result<()> {
        self.work.push(Work::Directory(Place::new(path)?));
        Ok(())
    }

    fn add_link(&mut self, at: &Path, to: &Path) -> io::Result<()> {
        self.links.push((at.to_owned(), to.to_owned()));
        let (to, at) = (text(to)?, text(at)?);
        self.work.push(Work::Link { to, at });
        Ok(())
    }
}

fn text(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Where the host's file system is until it is left, beside what is made.
const OLD: &str = ".host";
const OLD_ROOT: &CStr = c"/.host";
/// One of them exists everywhere.
const BASES: [&str; 4] = ["/tmp", "/run", "/mnt", "/usr"];
const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    // Shared memory is part of the same quota.
    ("/dev/shm", "/tmp"),
];
