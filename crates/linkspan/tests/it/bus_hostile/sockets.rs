//! What a broker does to files, and to other brokers.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::Duration;

use linkspan::Address;
use linkspan::bus::Broker;

use crate::bus_busrt::raw::{Client, OK};

#[tokio::test]
async fn the_socket_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bus.sock");
    let listening = Broker::new().listen(Address::Unix(path.clone()));
    let serving = listening.await.unwrap();
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    serving.stop(Duration::ZERO).await;
    assert!(!path.exists(), "it goes with its broker");
}

#[tokio::test]
async fn a_live_brokers_socket_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let address = Address::Unix(directory.path().join("bus.sock"));
    let serving = Broker::new().listen(&address).await.unwrap();
    let mut client = Client::join(&address, "one").await;
    let second = Broker::new().listen(&address).await;
    assert!(second.is_err(), "two brokers at one socket");
    assert_eq!(client.message("one", b"undisturbed").await, OK);
    let mut next = Client::join(&address, "two").await;
    assert_eq!(next.message("one", b"by the same socket").await, OK);
    serving.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bus.sock");
    fs::write(&path, "precious").unwrap();
    let refused = Broker::new().listen(Address::Unix(path.clone())).await;
    assert!(refused.is_err(), "a file in place of a socket");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_dead_brokers_socket_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bus.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let address = Address::Unix(path);
    let serving = Broker::new().listen(&address).await.unwrap();
    let _client = Client::join(&address, "one").await;
    serving.stop(Duration::ZERO).await;
}
