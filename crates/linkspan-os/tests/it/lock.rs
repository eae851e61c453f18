use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use linkspan_os::{Directory, Lock, LockError};

#[test]
fn one_holder_at_a_time_and_the_next_after_it() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let name = Path::new("x.lock");
    let lock = Lock::acquire(&directory, name).unwrap();
    let Err(LockError::Held { pid, .. }) = Lock::acquire(&directory, name) else {
        panic!("the lock is held");
    };
    assert_eq!(pid, Some(std::process::id()));
    drop(lock);
    Lock::acquire(&directory, name).unwrap();
    assert!(base.path().join(name).exists(), "the file stays");
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let victim = base.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, base.path().join("x.lock")).unwrap();
    let error = Lock::acquire(&directory, Path::new("x.lock")).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }), "{error}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
