//! Servers to test against, in this process and in processes of their own.

use std::io::{BufRead, BufReader};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use linkspan::Address;
use linkspan::codec::Raw;
use linkspan::rpc::{
    Body, CallError, Client, Context, Request, Response, Router, ServerConfig, Serving,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A transport under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `mem:`.
    Memory,
    /// `unix:`.
    Unix,
    /// `tcp:` on loopback.
    Tcp,
}

impl Place {
    /// A fresh address, with the directory that it needs.
    fn address(self, directory: &TempDir) -> Address {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let text = match self {
            Self::Memory => format!("mem:test-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            Self::Unix => format!("unix:{}", directory.path().join("s").display()),
            Self::Tcp => "tcp:127.0.0.1:0".to_owned(),
        };
        text.parse().expect("an address")
    }

    /// Whether server and client can be two processes.
    pub fn crosses_processes(self) -> bool {
        self != Self::Memory
    }
}

/// A server with the methods that the suite calls.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    /// Where it listens.
    pub address: Address,
    running: Running,
    _directory: TempDir,
}

#[derive(Debug)]
enum Running {
    Here(Box<Option<Serving>>),
    Child(Child),
}

impl Server {
    /// Starts one in this process.
    pub async fn start(place: Place) -> Self {
        Self::start_with(place, |_| {}).await
    }

    /// Starts one in this process with changed settings.
    pub async fn start_with(place: Place, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = ServerConfig::default();
        change(&mut config);
        let serving = serve(&place.address(&directory), config).await;
        let address = serving.address().clone();
        Self {
            address,
            running: Running::Here(Box::new(Some(serving))),
            _directory: directory,
        }
    }

    /// Starts one in a process of its own, which runs `child_main` of the same test program;
    /// `setup` is a shell command before it: limits, settings.
    pub fn spawn(place: Place, setup: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let program = std::env::current_exe().expect("a program");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("{setup}\nexec \"$0\" --exact child --nocapture"))
            .arg(program)
            .env(CHILD, place.address(&directory).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test program starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        // The test harness prints around it.
        let address = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once(LISTENING)
                    .map(|(_, address)| address.to_owned())
            })
            .expect("the child says where it listens");
        let address = address.parse().expect("an address");
        Self {
            address,
            running: Running::Child(child),
            _directory: directory,
        }
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        Client::connect(&self.address)
            .await
            .expect("the server accepts")
    }

    /// What is counted at its address.
    pub fn stats(&self) -> linkspan::rpc::ListenerStats {
        let Running::Here(serving) = &self.running else {
            panic!("it runs elsewhere")
        };
        let serving = serving.as_ref().as_ref().expect("it runs");
        serving.stats().next().expect("it listens").1
    }

    /// The server itself.
    pub fn take(&mut self) -> Serving {
        let Running::Here(serving) = &mut self.running else {
            panic!("it runs elsewhere")
        };
        serving.take().expect("it runs")
    }

    /// Kills its process with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        let Running::Child(child) = &mut self.running else {
            panic!("it runs here")
        };
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
    }

    /// The process that it runs in.
    pub fn pid(&self) -> u32 {
        match &self.running {
            Running::Here(_) => std::process::id(),
            Running::Child(child) => child.id(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Running::Child(child) = &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// What a test named `child` calls: it serves if this process was started for that.
pub async fn child_main() {
    let Ok(address) = std::env::var(CHILD) else {
        return;
    };
    let mut config = ServerConfig::default();
    if let Ok(millis) = std::env::var(WRITE_TIMEOUT_MS) {
        let millis = millis.parse().expect("a number");
        config.session.write_timeout = Duration::from_millis(millis);
    }
    let serving = serve(&address.parse().expect("an address"), config).await;
    #[expect(clippy::print_stdout, reason = "the parent reads it")]
    {
        println!("{LISTENING}{}", serving.address());
    }
    std::future::pending::<()>().await;
}

/// Serves the methods that the suite calls.
pub async fn serve(address: &Address, config: ServerConfig) -> Serving {
    linkspan::rpc::Server::new()
        .config(config)
        .service(methods())
        .listen(address)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn methods() -> Router {
    Router::new()
        .method("echo", async |body: Raw, _: Context| {
            Ok::<_, CallError>(body)
        })
        .method("pid", async |_: Value, _: Context| {
            Ok::<_, CallError>(std::process::id())
        })
        .method("descriptors", async |_: Value, _: Context| {
            Ok::<_, CallError>(descriptors())
        })
        .method("sleep", async |millis: u64, _: Context| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, CallError>(millis)
        })
        .method("never", async |_: Value, _: Context| {
            std::future::pending::<Result<Value, CallError>>().await
        })
        .raw_method("blast", blast)
        .raw_method("count_bytes", count_bytes)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Streams as many bytes as the JSON says, in pieces of 64 KiB; without end for none.
async fn blast(request: Request) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    let bytes: Option<usize> = serde_json::from_slice(&body).expect("a number");
    Ok(Response::new(Body::streaming(
        Bytes::new(),
        Blast {
            left: bytes.unwrap_or(usize::MAX),
        },
    )))
}

struct Blast {
    left: usize,
}

impl Stream for Blast {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.left.min(64 * 1024);
        self.left -= piece;
        Poll::Ready((piece > 0).then(|| Ok(vec![7; piece].into())))
    }
}

/// Counts the bytes of the caller's items.
async fn count_bytes(request: Request) -> Result<Response, CallError> {
    let (_, mut items) = request.body.split().await?;
    let mut bytes = 0;
    while let Some(item) = std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
        bytes += item?.len();
    }
    Ok(Response::new(json!(bytes).to_string()))
}

const CHILD: &str = "LINKSPAN_TEST_CHILD";
const WRITE_TIMEOUT_MS: &str = "LINKSPAN_TEST_WRITE_TIMEOUT_MS";
const LISTENING: &str = "listening at ";
