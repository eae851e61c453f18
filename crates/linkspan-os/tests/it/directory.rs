use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use linkspan_os::{Directory, DirectoryError, effective_uid};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_directory_is_made_with_its_parents_for_the_owner_only() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("a/b/c");
    Directory::open(&path, 0o700).unwrap();
    for made in [path.as_path(), path.parent().unwrap()] {
        assert_eq!(mode(made), 0o700);
    }
}

#[test]
fn a_directory_that_others_can_write_to_is_refused_unless_sticky() {
    let base = tempfile::tempdir().unwrap();
    for (mode, accepted) in [
        (0o700, true),
        (0o755, true),
        (0o775, false),
        (0o757, false),
        (0o777, false),
        (0o1777, true),
    ] {
        with_mode(base.path(), mode);
        match Directory::open(base.path(), 0o700) {
            Ok(_) => assert!(accepted, "{mode:o}"),
            Err(DirectoryError::Writable { mode: found, .. }) => {
                assert!(!accepted);
                assert_eq!(found, mode);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_directory_of_somebody_elses_is_refused() {
    if effective_uid() != 0 {
        // Only root can give a directory away. Its own directory belongs to somebody else, then.
        return assert!(Directory::open(Path::new("/root"), 0o700).is_err());
    }
    let base = tempfile::tempdir().unwrap();
    chown(base.path(), Some(12_345), None).unwrap();
    let error = Directory::open(base.path(), 0o700).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("belongs to uid 12345, not to uid 0 or root"),
        "{error}"
    );
}

#[test]
fn what_a_symbolic_link_leads_to_is_checked() {
    let base = tempfile::tempdir().unwrap();
    let (open, link) = (base.path().join("open"), base.path().join("link"));
    fs::create_dir(&open).unwrap();
    symlink(&open, &link).unwrap();
    Directory::open(&link, 0o700).unwrap();
    with_mode(&open, 0o777);
    assert!(matches!(
        Directory::open(&link, 0o700),
        Err(DirectoryError::Writable { .. })
    ));
}

#[test]
fn a_file_is_not_a_directory() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("file");
    fs::write(&path, "").unwrap();
    let error = Directory::open(&path, 0o700).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot open directory {}", path.display())
    );
}
