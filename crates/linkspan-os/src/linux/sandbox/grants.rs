//! Where grants lead, without links that a confined program could have made.
//!
//! Whoever may write to a directory can put a link into it that leads anywhere. So links are followed
//! only outside of what a program may write to, and what was found is held open: rules and mounts are
//! made for that file or directory, whatever stands at its path by then.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::sandbox::launch::invalid;
use crate::sandbox::{Access, Grant, Launch, LaunchError, Level};

/// Something that was granted, held open.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) found: Found,
    pub(super) seen_at: PathBuf,
    pub(super) access: Access,
}

/// A file or directory, as it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: OwnedFd,
    pub(super) inode: Inode,
    pub(super) is_directory: bool,
    /// The way to it, on which there was no link.
    pub(super) path: PathBuf,
}

/// What tells a file from all others, while it is held open: its device and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode(u64, u64);

impl Inode {
    pub(super) fn of(stat: &Stat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

/// Opens all that was granted; nothing at [`Level::None`], where grants mean nothing.
pub(super) fn hold(launch: &Launch) -> Result<Vec<Held>, LaunchError> {
    if launch.level == Level::None {
        return Ok(Vec::new());
    }
    let changeable = changeable(launch)?;
    let grants = launch.grants.iter();
    grants.map(|grant| hold_one(grant, &changeable)).collect()
}

/// What confined programs may write to. Those of these places that are in none of the others stay
/// where they are, so that a look at their paths finds them; the others are found on the way.
fn changeable(launch: &Launch) -> Result<BTreeSet<Inode>, LaunchError> {
    let mut inodes = BTreeSet::new();
    let own = launch.grants.iter().filter(|g| g.access == Access::Write);
    for grant in own {
        let metadata = fs::metadata(&grant.path);
        inodes.insert(inode_of(&metadata.map_err(missing(&grant.path))?));
    }
    for path in &launch.no_links_below {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => {
                inodes.insert(inode_of(&result.map_err(missing(path))?));
            }
        }
    }
    Ok(inodes)
}

fn inode_of(metadata: &fs::Metadata) -> Inode {
    Inode(metadata.dev(), metadata.ino())
}

fn hold_one(grant: &Grant, changeable: &BTreeSet<Inode>) -> Result<Held, LaunchError> {
    let found = match find(&grant.path, changeable) {
        Ok(found) => found,
        Err(NotFound::Link) => {
            let problem = "leads through a link that a confined program could have made";
            return Err(invalid("granted path", &grant.path, problem));
        }
        Err(NotFound::Io(errno)) => return Err(missing(&grant.path)(errno.into())),
    };
    Ok(Held {
        found,
        seen_at: grant.seen_at.clone(),
        access: grant.access,
    })
}

fn missing(path: &Path) -> impl Fn(io::Error) -> LaunchError {
    move |source| LaunchError::Prepare {
        what: format!("the granted path {}", path.display()),
        source,
    }
}

enum NotFound {
    Link,
    Io(Errno),
}

impl From<Errno> for NotFound {
    fn from(errno: Errno) -> Self {
        Self::Io(errno)
    }
}

/// Goes to a path name by name.
fn find(path: &Path, changeable: &BTreeSet<Inode>) -> Result<Found, NotFound> {
    let mut names = reversed(path);
    let mut place = Found::root()?;
    let mut is_inside = changeable.contains(&place.inode);
    let mut links = 0;
    while let Some(name) = names.pop() {
        let file = rustix::fs::openat(&place.file, &*name, NEXT, Mode::empty())?;
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            place = place.with(file, &stat, &name);
            is_inside |= changeable.contains(&place.inode);
            continue;
        }
        links += 1;
        if is_inside {
            return Err(NotFound::Link);
        }
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = rustix::fs::readlinkat(&file, c"", Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            place = Found::root()?;
        }
        names.extend(reversed(&target));
    }
    Ok(place)
}

fn reversed(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
        _ => None,
    });
    names.collect()
}

impl Found {
    fn root() -> Result<Self, Errno> {
        let file = rustix::fs::openat(CWD, c"/", NEXT, Mode::empty())?;
        let inode = Inode::of(&rustix::fs::fstat(&file)?);
        Ok(Self {
            file,
            inode,
            is_directory: true,
            path: "/".into(),
        })
    }

    fn with(mut self, file: OwnedFd, stat: &Stat, name: &OsStr) -> Self {
        if name == ".." {
            self.path.pop();
        } else {
            self.path.push(name);
        }
        self.file = file;
        self.inode = Inode::of(stat);
        self.is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        self
    }
}

const NEXT: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// As many as the system itself follows.
const MAX_LINKS: u32 = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().canonicalize().unwrap();
        for directory in ["ours/deep", "theirs/inner"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        fs::write(path.join("ours/file"), "text").unwrap();
        (base, path)
    }

    fn changeable(paths: &[PathBuf]) -> BTreeSet<Inode> {
        let inodes = paths
            .iter()
            .map(|path| inode_of(&fs::metadata(path).unwrap()));
        inodes.collect()
    }

    #[test]
    fn links_are_followed_where_no_program_can_have_made_them() {
        let (_base, path) = tree();
        symlink("ours/deep/..", path.join("link")).unwrap();
        symlink(path.join("link/file"), path.join("theirs/inner/out")).unwrap();
        let found = find(&path.join("link/file"), &BTreeSet::new())
            .ok()
            .unwrap();
        assert_eq!(found.path, path.join("ours/file"));
        assert!(!found.is_directory);
        let elsewhere = changeable(&[path.join("ours")]);
        let found = find(&path.join("theirs/inner/out"), &elsewhere).ok();
        assert_eq!(found.unwrap().path, path.join("ours/file"));
    }

    #[test]
    fn links_below_what_can_be_changed_are_refused_wherever_they_lead() {
        let (_base, path) = tree();
        let theirs = changeable(&[path.join("theirs")]);
        symlink("/etc", path.join("theirs/etc")).unwrap();
        symlink("../../ours", path.join("theirs/inner/back")).unwrap();
        symlink("theirs/inner", path.join("short")).unwrap();
        for way in [
            "theirs/etc",
            "theirs/etc/passwd",
            "theirs/inner/back",
            "short/back/file",
        ] {
            let refused = find(&path.join(way), &theirs);
            assert!(matches!(refused, Err(NotFound::Link)), "{way}");
        }
        let found = find(&path.join("short"), &theirs).ok().unwrap();
        assert_eq!(found.path, path.join("theirs/inner"));
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let (_base, path) = tree();
        symlink("circle", path.join("circle")).unwrap();
        let lost = find(&path.join("circle"), &BTreeSet::new());
        assert!(matches!(lost, Err(NotFound::Io(Errno::LOOP))));
    }
}
