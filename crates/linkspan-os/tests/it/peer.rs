use std::env;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use linkspan_os::{BindOptions, SocketFile, connect, effective_uid, peer_credentials};

/// Set for the part of the test that runs in a PID namespace of its own.
const OUTSIDE: &str = "LINKSPAN_TEST_SOCKET_OUTSIDE";
const OWN_NAME: &str = "peer::a_peer_outside_of_the_pid_namespace_has_no_pid";

#[test]
fn a_peer_outside_of_the_pid_namespace_has_no_pid() {
    if let Some(path) = env::var_os(OUTSIDE) {
        let stream = connect(Path::new(&path)).unwrap();
        let peer = peer_credentials(&stream).unwrap();
        return assert_eq!((peer.uid(), peer.pid), (Some(effective_uid()), None));
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--fork", "--pid", "--mount-proc", "--kill-child"]);
        command
    };
    if !matches!(unshare().arg("true").status(), Ok(status) if status.success()) {
        eprintln!("SKIPPED: PID namespaces need root and unshare(1)");
        return;
    }
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("s");
    let (_listener, _socket) = SocketFile::bind(&path, &BindOptions::default()).unwrap();
    let inside = unshare()
        .arg(env::current_exe().unwrap())
        .args(["--exact", OWN_NAME])
        .env(OUTSIDE, &path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&inside.stdout);
    assert!(
        inside.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

#[test]
fn a_network_socket_has_no_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(peer_credentials(&stream).is_err());
}
