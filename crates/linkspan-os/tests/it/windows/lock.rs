use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use linkspan_os::{Directory, Lock, LockError};

use crate::windows::support::{child, child_argument};

const NAME: &str = "x.lock";

#[test]
fn one_holder_at_a_time_and_the_next_after_it() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let name = Path::new(NAME);
    let lock = Lock::acquire(&directory, name).unwrap();
    let Err(LockError::Held { pid, .. }) = Lock::acquire(&directory, name) else {
        panic!("the lock is held");
    };
    assert_eq!(pid, Some(std::process::id()));
    drop(lock);
    let text = fs::read_to_string(base.path().join(NAME)).unwrap();
    assert_eq!(text, "", "the file stays and names nobody");
    Lock::acquire(&directory, name).unwrap();
}

#[test]
fn a_killed_process_holds_nothing() {
    if let Some(path) = child_argument() {
        let directory = Directory::open(Path::new(&path), 0o700).unwrap();
        let _lock = Lock::acquire(&directory, Path::new(NAME)).unwrap();
        // Until it is killed.
        return std::thread::sleep(Duration::from_secs(60));
    }
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let own_name = "windows::lock::a_killed_process_holds_nothing";
    let mut other = child(own_name, base.path().to_str().unwrap());
    let holder = Some(other.id());
    let file = base.path().join(NAME);
    // Looking does not take the lock away from under the other process.
    until(|| fs::read_to_string(&file).is_ok_and(|text| text.trim().parse().ok() == holder));
    let error = Lock::acquire(&directory, Path::new(NAME)).unwrap_err();
    assert!(
        matches!(error, LockError::Held { pid, .. } if pid == holder),
        "{error}"
    );
    other.kill().unwrap();
    other.wait().unwrap();
    until(|| Lock::acquire(&directory, Path::new(NAME)).is_ok());
}

fn until(mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "it happens within 30 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_not_a_regular_file_is_no_lock() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let path = base.path().join(NAME);
    fs::create_dir(&path).unwrap();
    let error = Lock::acquire(&directory, Path::new(NAME)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("lock file {} is not a regular file", path.display())
    );
}

#[test]
fn a_hard_link_to_another_file_is_refused_and_not_written() {
    let base = tempfile::tempdir().unwrap();
    let directory = Directory::open(base.path(), 0o700).unwrap();
    let victim = base.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    fs::hard_link(&victim, base.path().join(NAME)).unwrap();
    let error = Lock::acquire(&directory, Path::new(NAME)).unwrap_err();
    let path = base.path().join(NAME);
    assert_eq!(
        error.to_string(),
        format!("lock file {} has 2 hard links instead of 1", path.display())
    );
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
