//! Who speaks in the name of another process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

use linkspan::Address;
use linkspan::bus::{Broker, Config, Secondaries};

use crate::bus_busrt::raw::{ACCESS_DENIED, Client, OK};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secondaries_are_of_the_same_process_unless_all_may() {
    for (secondaries, expected) in [
        (Secondaries::SamePeer, ACCESS_DENIED),
        (Secondaries::Anybody, OK),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bus.sock");
        let mut config = Config::default();
        config.secondaries = secondaries;
        let listening = Broker::new()
            .config(config)
            .listen(Address::Unix(path.clone()));
        let serving = listening.await.unwrap();
        let _primary = Client::join(serving.address(), "admin").await;
        // This process may, anyway.
        let _own = Client::join(serving.address(), "admin%%own").await;
        let mut stranger = Command::new(std::env::current_exe().unwrap());
        let stranger = stranger
            .args(["--exact", "bus_hostile::strangers::stranger", "--nocapture"])
            .env(PATH, &path);
        let output = tokio::task::block_in_place(|| stranger.output()).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let status = format!("{STATUS}{expected:02x}");
        assert!(said.contains(&status), "no {status} in {said}");
    }
}

/// Not a test: the stranger, when the test above has started this program.
#[test]
fn stranger() {
    let Ok(path) = std::env::var(PATH) else {
        return;
    };
    let mut stream = UnixStream::connect(path).unwrap();
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).unwrap();
    stream.write_all(&greeting).unwrap();
    stream.write_all(b"\x08\x00admin%%x").unwrap();
    let mut statuses = [0; 2];
    stream.read_exact(&mut statuses).unwrap();
    println!("{STATUS}{:02x}", statuses[1]);
}

const PATH: &str = "LINKSPAN_TEST_BUS_STRANGER";
const STATUS: &str = "refused or not: ";
