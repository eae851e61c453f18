//! A server in a process of its own: this test program, started to serve.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{Context, IpcConfig, Server};
use linkspan_test::conformance::Place;
use tempfile::TempDir;

/// It counts questions. `count` is answered by their number, `hang` never.
pub(super) struct Process {
    child: Child,
    pub(super) address: Address,
    _directory: TempDir,
}

impl Process {
    pub(super) fn start(place: Place) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "exchange_hostile::child::main", "--nocapture"])
            .env(ADDRESS, place.address(&directory).to_string())
            .env(BACKEND, place.backend().name())
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

    #[cfg(target_os = "linux")]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test: the server, when another test has started this program.
#[tokio::test]
async fn main() {
    let (Ok(address), Ok(backend)) = (std::env::var(ADDRESS), std::env::var(BACKEND)) else {
        return;
    };
    let mut config = IpcConfig::default();
    config.transport = backend.parse().unwrap();
    config.max_connections = PLACES;
    config.max_frame_bytes = MAX_FRAME_BYTES;
    let questions = Arc::<AtomicU64>::default();
    let server = Server::new().handler(move |question: Bytes, _: Context| {
        let questions = Arc::clone(&questions);
        async move {
            if question == "count" {
                return Ok::<_, Bytes>(questions.load(Ordering::Relaxed).to_string().into());
            }
            questions.fetch_add(1, Ordering::Relaxed);
            if question == "hang" {
                std::future::pending::<()>().await;
            }
            Ok(question)
        }
    });
    let serving = server.config(config).listen(&address).await.unwrap();
    println!("{LISTENING}{}", serving.address());
    std::future::pending::<()>().await;
}

/// Longest message that it takes.
pub(super) const MAX_FRAME_BYTES: u32 = 64 * 1024 * 1024;
/// Connections that it has at once.
const PLACES: usize = 64;
const ADDRESS: &str = "LINKSPAN_TEST_EXCHANGE_CHILD";
const BACKEND: &str = "LINKSPAN_TEST_EXCHANGE_BACKEND";
const LISTENING: &str = "listening at ";
