//! Trees of files that nobody else can change.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use linkspan_os::{Directory, DirectoryError, EntryKind, FileError, effective_uid, read_at};

/// A tree of a folder in a folder with a file.
struct Trees {
    base: tempfile::TempDir,
}

impl Trees {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir_all(base.path().join("outer/inner")).unwrap();
        fs::write(base.path().join("outer/inner/file"), "content").unwrap();
        let trees = Self { base };
        trees.mode("outer", 0o755);
        trees.mode("outer/inner", 0o755);
        trees.mode("outer/inner/file", 0o644);
        trees
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn open(&self) -> Result<Directory, DirectoryError> {
        Directory::open_trusted(&self.path("outer/inner"))
    }
}

fn name(name: &str) -> &Path {
    Path::new(name)
}

#[test]
fn a_tree_is_trusted_if_nobody_else_can_change_any_of_it() {
    let trees = Trees::new();
    trees.open().unwrap();
    for (place, mode) in [
        ("outer/inner", 0o775),
        ("outer", 0o757),
        ("outer/inner", 0o1777),
    ] {
        trees.mode(place, mode);
        let error = trees.open().unwrap_err();
        let DirectoryError::Writable { path, .. } = &error else {
            panic!("{place}: {error}");
        };
        assert_eq!(*path, fs::canonicalize(trees.path(place)).unwrap());
        trees.mode(place, 0o755);
    }
    // Nobody can remove another's files from such a directory.
    trees.mode("outer", 0o1777);
    trees.open().unwrap();
    let missing = Directory::open_trusted(&trees.path("other")).unwrap_err();
    assert!(matches!(missing, DirectoryError::Io { .. }), "{missing}");
    assert!(!trees.path("other").exists());
}

#[test]
fn links_on_the_way_are_followed_and_looked_at_and_links_within_are_not() {
    let trees = Trees::new();
    symlink("outer", trees.path("way")).unwrap();
    let opened = Directory::open_trusted(&trees.path("way/inner")).unwrap();
    assert!(opened.path().ends_with("outer/inner"));
    trees.mode("outer", 0o777);
    Directory::open_trusted(&trees.path("way/inner")).unwrap_err();
    trees.mode("outer", 0o755);

    symlink(trees.path("outer"), trees.path("outer/inner/folder")).unwrap();
    symlink("file", trees.path("outer/inner/link")).unwrap();
    let error = opened.open_inner(name("folder")).unwrap_err();
    assert!(matches!(error, DirectoryError::Link { .. }), "{error}");
    let error = opened.open_file(name("link")).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
    for outside in ["../inner/file", "a/b", "..", ""] {
        let error = opened.open_file(name(outside)).unwrap_err();
        assert!(matches!(error, FileError::Name { .. }), "{error}");
    }
    let kinds = opened.entries(10).unwrap();
    let kinds: Vec<_> = kinds.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::File, EntryKind::Link, EntryKind::Link]);
    assert_eq!(opened.entries(1).unwrap().len(), 2, "one more than wanted");
}

#[test]
fn files_are_trusted_if_nobody_else_can_change_them() {
    let trees = Trees::new();
    let inner = trees.open().unwrap();
    let file = inner.open_file(name("file")).unwrap().unwrap();
    assert_eq!((file.length, file.is_executable), (7, false));
    assert!(inner.open_file(name("other")).unwrap().is_none());
    for mode in [0o664, 0o646, 0o777] {
        trees.mode("outer/inner/file", mode);
        let error = inner.open_file(name("file")).unwrap_err();
        assert!(matches!(error, FileError::Writable { .. }), "{error}");
    }
    trees.mode("outer/inner/file", 0o755);
    assert!(
        inner
            .open_file(name("file"))
            .unwrap()
            .unwrap()
            .is_executable
    );

    let mut buffer = [0; 16];
    assert_eq!(read_at(&file.file, &mut buffer, 3).unwrap(), 4);
    assert_eq!(buffer.get(..4), Some(&b"tent"[..]));
    assert_eq!(read_at(&file.file, &mut buffer, 7).unwrap(), 0);
}

/// Only root can give things away.
#[test]
fn what_belongs_to_others_is_refused() {
    if effective_uid() != 0 {
        return;
    }
    let trees = Trees::new();
    let inner = trees.open().unwrap();
    let give = |place: &str, to| chown(trees.path(place), Some(to), None).unwrap();
    give("outer/inner/file", NOBODY);
    let error = inner.open_file(name("file")).unwrap_err();
    assert!(matches!(error, FileError::Owner { .. }), "{error}");
    for place in ["outer/inner", "outer"] {
        give(place, NOBODY);
        let error = trees.open().unwrap_err();
        assert!(
            matches!(error, DirectoryError::Owner { owner: NOBODY, .. }),
            "{error}"
        );
        give(place, 0);
    }
    trees.open().unwrap();
}

#[test]
fn directories_are_filled_and_swap_their_names() {
    let trees = Trees::new();
    let outer = Directory::open_trusted(&trees.path("outer")).unwrap();
    let new = outer.make_inner(name("new")).unwrap();
    for (file, is_executable, mode) in [("run", true, 0o755), ("read", false, 0o644)] {
        let mut made = new.create_file(name(file), is_executable).unwrap();
        made.write_all(b"x").unwrap();
        let found = fs::metadata(trees.path("outer/new").join(file)).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, mode);
        new.create_file(name(file), is_executable).unwrap_err();
    }
    outer.make_inner(name("new")).unwrap_err();
    outer.rename_inner(name("new"), name("inner")).unwrap_err();
    outer.exchange_inner(name("new"), name("inner")).unwrap();
    assert!(trees.path("outer/inner/run").exists() && trees.path("outer/new/file").exists());
    outer.rename_inner(name("new"), name("third")).unwrap();
    assert!(trees.path("outer/third/file").exists());
}

const NOBODY: u32 = 65534;

#[test]
fn a_directory_is_open_to_all_if_all_above_it_are() {
    let trees = Trees::new();
    let inner = trees.path("outer/inner");
    trees.mode("", 0o711);
    trees.mode("outer", 0o700);
    assert!(!Directory::is_open_to_all(&inner).unwrap());
    trees.mode("outer", 0o711);
    let is_open = |path: &Path| path.metadata().unwrap().permissions().mode() & 1 == 1;
    let temporary = fs::canonicalize(std::env::temp_dir()).unwrap();
    let expected = temporary.ancestors().all(is_open);
    assert_eq!(Directory::is_open_to_all(&inner).unwrap(), expected);
    Directory::is_open_to_all(&trees.path("missing")).unwrap_err();
}
