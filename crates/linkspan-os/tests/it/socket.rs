use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use linkspan_os::{
    BindError, BindOptions, SocketFile, SocketState, connect, effective_uid, max_socket_path_bytes,
    peer_credentials, socket_state,
};

fn bind(path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    SocketFile::bind(path, &BindOptions::default())
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

/// A socket that nobody listens on, as a killed server leaves it.
fn leave_stale(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    // A child that another test has forked has it, too, until it becomes another program.
    crate::child::until(|| socket_state(path).unwrap() == SocketState::Stale);
}

#[test]
fn a_socket_carries_bytes_and_knows_both_peers() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let (listener, _socket) = bind(&path).unwrap();
    let mut client = connect(&path).unwrap();
    listener.set_nonblocking(false).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.set_nonblocking(false).unwrap();
    client.write_all(b"hello").unwrap();
    let mut received = [0; 5];
    server.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"hello");
    for end in [&client, &server] {
        let peer = peer_credentials(end).unwrap();
        assert_eq!(peer.uid(), Some(effective_uid()));
        assert_eq!(peer.pid, Some(std::process::id()));
    }
}

#[test]
fn the_socket_has_its_mode_whatever_the_umask() {
    let base = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o660, 0o666, 0o200] {
        let path = base.path().join(format!("{mode:o}"));
        let mut options = BindOptions::default();
        options.file_permissions = mode;
        let (_listener, _socket) = SocketFile::bind(&path, &options).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode
        );
    }
}

#[test]
fn dropping_removes_the_socket_and_keeps_the_lock_file() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    drop(bind(&path).unwrap());
    assert!(!path.exists());
    assert!(base.path().join("s.lock").exists());
}

#[test]
fn a_panic_removes_the_socket() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let inner = path.clone();
    let result = thread::spawn(move || {
        let _bound = bind(&inner).unwrap();
        panic!("on purpose");
    })
    .join();
    assert!(result.is_err());
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    leave_stale(&path);
    let (_listener, socket) = bind(&path).unwrap();
    assert!(socket.is_in_place());
    connect(&path).unwrap();
}

#[test]
fn a_live_socket_is_never_stolen() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let (_listener, first) = bind(&path).unwrap();
    let Err(BindError::InUse { pid, .. }) = bind(&path) else {
        panic!("the socket is live")
    };
    assert_eq!(pid, Some(std::process::id()));
    assert!(first.is_in_place());
    connect(&path).unwrap();
}

#[test]
fn a_live_socket_of_a_program_without_our_lock_is_never_stolen() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let _foreign = UnixListener::bind(&path).unwrap();
    let Err(BindError::InUse { pid, .. }) = bind(&path) else {
        panic!("the socket is live")
    };
    assert_eq!(pid, Some(std::process::id()), "the kernel says who listens");
    connect(&path).unwrap();
}

#[test]
fn what_is_not_a_socket_is_never_removed() {
    let base = tempfile::tempdir().unwrap();
    let target = base.path().join("target");
    leave_stale(&target);
    type Make<'a> = &'a dyn Fn(&Path);
    let make: [(&str, Make<'_>); 3] = [
        ("regular file", &|path| fs::write(path, "precious").unwrap()),
        ("directory", &|path| fs::create_dir(path).unwrap()),
        ("symbolic link", &|path| symlink(&target, path).unwrap()),
    ];
    for (kind, make) in make {
        let path = base.path().join(kind);
        make(&path);
        let error = bind(&path).unwrap_err();
        let expected = format!(
            "{} is a {kind}, which is never replaced by a socket",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
        assert!(fs::symlink_metadata(&path).is_ok());
    }
    assert!(is_socket(&target));
}

#[test]
fn a_socket_that_is_not_ours_any_more_is_left_alone() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let (_listener, socket) = bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _foreign = UnixListener::bind(&path).unwrap();
    assert!(!socket.is_in_place());
    drop(socket);
    assert!(is_socket(&path), "the other program's socket stays");
}

#[test]
fn paths_at_and_over_the_limit_work_or_say_so() {
    let base = tempfile::tempdir().unwrap();
    let room = max_socket_path_bytes() - base.path().as_os_str().len() - 1;
    let longest = base.path().join("x".repeat(room));
    let (_listener, _socket) = bind(&longest).unwrap();
    connect(&longest).unwrap();

    let deep = base.path().join("directory".repeat(12)).join("s");
    assert!(deep.as_os_str().len() > max_socket_path_bytes());
    let (_listener, _socket) = bind(&deep).unwrap();
    assert_eq!(
        socket_state(&deep).unwrap(),
        SocketState::Live {
            pid: Some(std::process::id())
        }
    );

    let name = base.path().join("x".repeat(room + 30));
    let bytes = name.as_os_str().len();
    let error = bind(&name).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "socket path of {bytes} bytes exceeds the limit of 107 bytes"
        )),
        "{error}"
    );
}

#[test]
fn of_two_that_start_at_once_exactly_one_wins() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    for round in 0..200 {
        if round % 2 == 0 {
            leave_stale(&path);
        }
        let barrier = Barrier::new(2);
        let start = || {
            barrier.wait();
            bind(&path)
        };
        let results = thread::scope(|scope| {
            let other = scope.spawn(start);
            [start(), other.join().unwrap()]
        });
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "round {round}: {results:?}");
        let loser = results
            .iter()
            .find_map(|result| result.as_ref().err())
            .unwrap();
        assert!(matches!(loser, BindError::InUse { .. }), "{loser}");
        connect(&path).unwrap();
    }
}
