use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use linkspan_os::{Directory, Lock, LockError, LockState, effective_uid};

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
fn whoever_sees_that_it_is_held_sees_by_whom() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let name = Path::new("x.lock");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let state = Lock::state(&directory, name).unwrap();
                let pid = Some(std::process::id());
                assert!(matches!(state, LockState::Free) || state == LockState::Held { pid });
            }
        });
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            drop(Lock::acquire(&directory, name).unwrap());
        }
        done.store(true, Ordering::Relaxed);
    });
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

#[test]
fn a_hard_link_to_another_file_is_refused_and_not_written() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let victim = base.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::hard_link(&victim, base.path().join("x.lock")).unwrap();
    let error = Lock::acquire(&directory, Path::new("x.lock")).unwrap_err();
    let path = base.path().join("x.lock");
    assert_eq!(
        error.to_string(),
        format!("lock file {} has 2 hard links instead of 1", path.display())
    );
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_lock_of_another_user_is_refused_to_root_too() {
    if effective_uid() != 0 {
        eprintln!("SKIPPED: only root can give a file away");
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let path = base.path().join("x.lock");
    fs::write(&path, "").unwrap();
    chown(&path, Some(12_345), None).unwrap();
    let error = Lock::acquire(&directory, Path::new("x.lock")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "lock file {} belongs to uid 12345, not to uid 0",
            path.display()
        )
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn what_is_not_a_regular_file_is_no_lock() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let path = base.path().join("x.lock");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let error = Lock::acquire(&directory, Path::new("x.lock")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("lock file {} is not a regular file", path.display())
    );
}
