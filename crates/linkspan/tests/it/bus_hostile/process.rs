//! A broker in a process of its own: this test program, started to serve.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use linkspan::Address;
use linkspan::bus::{Broker, Config};
use linkspan_test::wait::PATIENCE;
use tempfile::TempDir;

/// A broker with default settings, at a Unix socket.
pub(super) struct Process {
    child: Child,
    pub(super) address: Address,
    _directory: TempDir,
}

impl Process {
    pub(super) fn start() -> Self {
        Self::with_message_limit(Config::default().max_message_bytes)
    }

    pub(super) fn with_message_limit(bytes: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bus.sock");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "bus_hostile::process::main", "--nocapture"])
            .env(ADDRESS, format!("unix:{}", path.display()))
            .env(MESSAGE_LIMIT, bytes.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The test harness prints around it.
        let said = lines
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once(LISTENING)?.1.to_owned()));
        let address = said.expect("the child says where it listens");
        Self {
            child,
            address: address.parse().unwrap(),
            _directory: directory,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Not a test: the broker, when another test has started this program.
#[tokio::test]
async fn main() {
    let (Ok(address), Ok(limit)) = (std::env::var(ADDRESS), std::env::var(MESSAGE_LIMIT)) else {
        return;
    };
    let mut config = Config::default();
    config.max_message_bytes = limit.parse().unwrap();
    // Clients of the tests say nothing while they wait, however slow the machine is.
    config.timeout = 3 * PATIENCE;
    let listening = Broker::new().config(config).listen(address.as_str());
    let serving = listening.await.unwrap();
    println!("{LISTENING}{}", serving.address());
    std::future::pending::<()>().await;
}

const ADDRESS: &str = "LINKSPAN_TEST_BUS_CHILD";
const MESSAGE_LIMIT: &str = "LINKSPAN_TEST_BUS_MESSAGE_LIMIT";
const LISTENING: &str = "listening at ";
