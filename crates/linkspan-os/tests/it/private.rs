//! Directories and files that are only this user's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use linkspan_os::{Directory, DirectoryError, FileError, effective_uid};

use crate::child::{Part, command};

pub(crate) const PARTS: &[Part] = &[Part {
    name: "stranger",
    run: |base| {
        let base = Path::new(base);
        assert_eq!(effective_uid(), STRANGER);
        let error = Directory::open_private(&base.join("theirs")).unwrap_err();
        assert!(
            matches!(error, DirectoryError::Owner { owner: 4321, .. }),
            "{error}"
        );
        let error = Directory::open_private(&base.join("roots/below")).unwrap_err();
        assert!(matches!(error, DirectoryError::Io { .. }), "{error}");
        let own = Directory::open_private(&base.join("open/own")).unwrap();
        own.write_file("file".as_ref(), b"mine").unwrap();
        let shared = Directory::open(&base.join("sticky"), 0o700).unwrap();
        let error = shared.read_file("planted".as_ref(), 100).unwrap_err();
        assert!(matches!(error, FileError::Owner { .. }), "{error}");
        let seen = shared.read_file("roots".as_ref(), 100).unwrap().unwrap();
        assert_eq!(seen, b"root's");
    },
}];

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_private_directory_is_made_so_and_others_are_refused() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("a/b");
    Directory::open_private(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    for other in [0o750, 0o701, 0o755, 0o777, 0o1777, 0o720] {
        with_mode(&path, other);
        let error = Directory::open_private(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "directory {} with mode {other:04o} is open to others, not 0700",
                path.display()
            )
        );
    }
    with_mode(&path, 0o700);
    Directory::open_private(&path).unwrap();
}

#[test]
fn a_link_to_a_private_directory_is_refused_however_it_is_written() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("real");
    Directory::open_private(&path).unwrap();
    let link = base.path().join("link");
    symlink(&path, &link).unwrap();
    let dangling = base.path().join("dangling");
    symlink(base.path().join("nowhere"), &dangling).unwrap();
    for path in [link.clone(), link.join(""), link.join("."), dangling] {
        let error = Directory::open_private(&path).unwrap_err();
        assert!(matches!(error, DirectoryError::Link { .. }), "{error}");
    }
    assert!(!base.path().join("nowhere").exists());
}

#[test]
fn what_stands_in_a_files_place_is_neither_read_nor_followed() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    let (path, name) = (directory.path().join("file"), Path::new("file"));
    let victim = base.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &path).unwrap();
    let error = directory.read_file(name, 100).unwrap_err();
    assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
    directory.write_file(name, b"ours").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(mode(&path), 0o600);

    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let error = directory.read_file(name, 100).unwrap_err();
    assert!(
        matches!(error, FileError::NotAFile { .. }),
        "does not wait for a writer: {error}"
    );
}

#[test]
fn a_write_that_fails_leaves_what_was_there() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    directory.write_file("file".as_ref(), b"old").unwrap();
    fs::create_dir(directory.path().join("taken")).unwrap();
    fs::write(directory.path().join("taken/x"), "").unwrap();
    let error = directory.write_file("taken".as_ref(), b"new").unwrap_err();
    assert!(matches!(error, FileError::Io { .. }), "{error}");
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["file", "taken"], "nothing is left over");
}

#[test]
fn another_user_finds_no_way_in() {
    if effective_uid() != 0 {
        eprintln!("SKIPPED: only root can become somebody else");
        return;
    }
    let base = tempfile::tempdir().unwrap();
    with_mode(base.path(), 0o755);
    for (name, mode, owner) in [
        ("theirs", 0o755, 4321),
        ("roots", 0o700, 0),
        ("open", 0o777, 0),
        ("sticky", 0o1777, 0),
    ] {
        let path = base.path().join(name);
        fs::create_dir(&path).unwrap();
        with_mode(&path, mode);
        chown(&path, Some(owner), None).unwrap();
    }
    for (name, text, owner) in [("planted", "evil", 4321), ("roots", "root's", 0)] {
        let path = base.path().join("sticky").join(name);
        fs::write(&path, text).unwrap();
        with_mode(&path, 0o644);
        chown(&path, Some(owner), None).unwrap();
    }
    // The test program may stand where others cannot go.
    let program = base.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    with_mode(&program, 0o755);
    let stranger = command("stranger", base.path());
    let output = std::process::Command::new("setpriv")
        .args(["--reuid", &STRANGER.to_string(), "--clear-groups"])
        .arg(&program)
        .args(stranger.get_args())
        .envs(
            stranger
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir("/")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

const STRANGER: u32 = 12_345;
