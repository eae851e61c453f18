use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime};

use linkspan_os::executable_id;

#[test]
fn a_file_that_was_replaced_or_written_to_is_another() {
    let base = tempfile::tempdir().unwrap();
    let (path, new) = (base.path().join("program"), base.path().join("new"));
    fs::write(&path, "1").unwrap();
    let first = executable_id(&path).unwrap();
    assert_eq!(executable_id(&path).unwrap(), first);
    assert_eq!(first.size_bytes, 1);

    fs::write(&new, "2").unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    File::options()
        .write(true)
        .open(&new)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    fs::rename(&new, &path).unwrap();
    let second = executable_id(&path).unwrap();
    assert_ne!(second, first, "same length and time, another file");

    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(5))
        .unwrap();
    assert_ne!(executable_id(&path).unwrap(), second);

    drop(file);
    fs::remove_file(&path).unwrap();
    let error = executable_id(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_running_program_has_an_identity() {
    let path = std::env::current_exe().unwrap();
    let id = executable_id(&path).unwrap();
    assert!(id.size_bytes > 100_000);
    assert!(id.modified_nanos > 1_500_000_000_000_000_000);
}
