//! Unix sockets as files.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::Duration;

use linkspan::Address;
use linkspan::rpc::Server;

#[test]
fn a_socket_is_the_owners_alone_and_goes_with_its_server() {
    // On a runtime and in a process state of its own: the tables are the process's.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/app/node.sock");
        let serving = Server::new()
            .listen(format!("unix:{}", path.display()).as_str())
            .await
            .unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let parent = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(parent.permissions().mode() & 0o777, 0o700);
        serving.stop(Duration::from_secs(1)).await;
        assert!(!path.exists(), "a stopped server leaves no socket");
        let serving = Server::new()
            .listen(&Address::Unix(path.clone()))
            .await
            .unwrap();
        drop(serving);
        tokio::task::yield_now().await;
        linkspan_test::wait::until("the socket is gone", || !path.exists()).await;
    });
}
