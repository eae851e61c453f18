//! Small files in checked directories, on every system.

use std::fs;
use std::path::Path;

use linkspan_os::{Directory, FileError};

use crate::child::{Part, start};

pub(crate) const PARTS: &[Part] = &[Part {
    name: "rewrites",
    run: |base| {
        let directory = Directory::open_private(base.as_ref()).unwrap();
        for round in 0..REWRITES {
            directory
                .write_file(NAME.as_ref(), &content(round))
                .unwrap();
        }
    },
}];

/// Contents that differ in length and in every byte.
fn content(round: usize) -> Vec<u8> {
    vec![b'a' + u8::try_from(round % 26).unwrap(); 1 + round * 37 % 20_000]
}

#[test]
fn who_reads_never_sees_half_of_a_file() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("private");
    let directory = Directory::open_private(&path).unwrap();
    directory.write_file(NAME.as_ref(), &content(0)).unwrap();
    let mut writer = start("rewrites", &path);
    let mut seen = std::collections::HashSet::new();
    while writer.try_wait().unwrap().is_none() {
        let bytes = directory.read_file(NAME.as_ref(), 20_000).unwrap().unwrap();
        let first = bytes[0];
        assert!(bytes.iter().all(|byte| *byte == first));
        let is_whole = |round| content(round) == bytes;
        assert!((0..REWRITES).any(is_whole), "{} of {first}", bytes.len());
        seen.insert(bytes.len());
    }
    assert!(writer.wait().unwrap().success());
    assert!(seen.len() > 1, "it was read while it was written");
    let last = directory.read_file(NAME.as_ref(), 20_000).unwrap().unwrap();
    assert_eq!(last, content(REWRITES - 1));
    let files: Vec<_> = fs::read_dir(&path).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing is left over: {files:?}");
}

#[test]
#[cfg(unix)]
fn a_file_with_secrets_is_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    let name = Path::new(NAME);
    assert_eq!(directory.read_private_file(name, 10).unwrap(), None);
    directory.write_file(name, b"secret").unwrap();
    let read = directory.read_private_file(name, 10).unwrap();
    assert_eq!(read.unwrap(), b"secret");
    for mode in [0o640, 0o604, 0o620, 0o601] {
        let path = directory.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let error = directory.read_private_file(name, 10).unwrap_err();
        assert!(matches!(error, FileError::Shared { .. }), "{error}");
        assert!(
            error.to_string().contains(&format!("{mode:04o}")),
            "{error}"
        );
        assert!(directory.read_file(name, 10).unwrap().is_some());
    }
}

#[test]
fn what_is_too_long_or_missing_is_told() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    let name = Path::new(NAME);
    assert_eq!(directory.read_file(name, 10).unwrap(), None);
    directory.write_file(name, b"0123456789").unwrap();
    assert_eq!(
        directory.read_file(name, 10).unwrap().unwrap(),
        b"0123456789"
    );
    let error = directory.read_file(name, 9).unwrap_err();
    assert!(
        matches!(error, FileError::TooLong { max_bytes: 9, .. }),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("has more than 9 bytes"),
        "{error}"
    );
}

#[test]
fn names_lead_nowhere_else() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    for name in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a/"] {
        let name = Path::new(name);
        let errors = [
            directory.write_file(name, b"").unwrap_err(),
            directory.read_file(name, 10).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, FileError::Name { .. }), "{error}");
        }
    }
}

#[test]
fn only_ones_own_file_is_removed() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open_private(&base.path().join("private")).unwrap();
    let name = Path::new(NAME);
    let first = directory.write_file(name, b"first").unwrap();
    let second = directory.write_file(name, b"second").unwrap();
    assert!(!directory.remove_own(name, first).unwrap());
    assert_eq!(directory.read_file(name, 10).unwrap().unwrap(), b"second");
    assert!(directory.remove_own(name, second).unwrap());
    assert!(!directory.remove_own(name, second).unwrap());
    assert_eq!(directory.read_file(name, 10).unwrap(), None);
}

const NAME: &str = "daemon.json";
const REWRITES: usize = 1000;
