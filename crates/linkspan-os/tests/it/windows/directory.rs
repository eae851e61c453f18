use std::fs;
use std::path::Path;
use std::process::Command;

use linkspan_os::{Directory, DirectoryError};

use crate::windows::support::is_gap;

/// Gives everybody rights on a directory.
fn open_up(path: &Path, rights: &str) {
    let granted = Command::new("icacls")
        .arg(path)
        .args(["/grant", &format!("*S-1-1-0:{rights}")])
        .output();
    assert!(granted.unwrap().status.success());
}

#[test]
fn a_missing_directory_is_made_with_its_parents() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join(r"a\b\c");
    let directory = Directory::open(&path, 0o700).unwrap();
    assert_eq!(directory.path(), path);
    assert!(path.is_dir());
    drop(directory);
    for made in [path.as_path(), path.parent().unwrap()] {
        Directory::open(made, 0o700).unwrap();
    }
}

#[test]
fn what_was_checked_stays_where_it_is() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("held");
    let directory = Directory::open(&path, 0o700).unwrap();
    assert!(fs::remove_dir(&path).is_err());
    assert!(fs::rename(&path, base.path().join("moved")).is_err());
    fs::write(path.join("file"), "works on").unwrap();
    fs::remove_file(path.join("file")).unwrap();
    drop(directory);
    fs::remove_dir(&path).unwrap();
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    if is_gap("access lists of files are those of the Unix file below, and icacls does nothing") {
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("open");
    drop(Directory::open(&path, 0o700).unwrap());
    open_up(&path, "RX");
    Directory::open(&path, 0o700).unwrap();
    open_up(&path, "W");
    let error = Directory::open(&path, 0o700).unwrap_err();
    assert!(
        matches!(&error, DirectoryError::Writable { by, .. } if by.to_string() == "S-1-1-0"),
        "{error}"
    );
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
