//! A server that says what the test wants.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use linkspan::Address;
use linkspan::exchange::{Client, ClientConfig};
use linkspan_test::conformance::Place;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::raw::Raw;
use super::victim::ipc;

pub(super) struct Fake {
    address: Address,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
    _directory: TempDir,
}

impl Fake {
    /// Runs the script for each connection, with its number from 0 on.
    pub(super) async fn start<F, Done>(place: Place, script: F) -> Self
    where
        F: Fn(Raw, usize) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let directory = tempfile::tempdir().unwrap();
        let (listener, address) = Listener::bind(&place.address(&directory)).await;
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut scripts = JoinSet::new();
            while let Ok(raw) = listener.accept().await {
                scripts.spawn(script(raw, counter.fetch_add(1, Ordering::Relaxed)));
            }
        });
        Self {
            address,
            connections,
            _tasks: tasks,
            _directory: directory,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// How many there were.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A client of this server alone.
    pub(super) fn client(&self, place: Place, adjust: impl FnOnce(&mut ClientConfig)) -> Client {
        let mut config = ClientConfig::from(&ipc(place));
        adjust(&mut config);
        let builder = Client::builder().config(config);
        builder.endpoint(self.address()).build().unwrap()
    }
}

enum Listener {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    async fn bind(address: &Address) -> (Self, Address) {
        match address {
            #[cfg(unix)]
            Address::Unix(path) => {
                let listener = tokio::net::UnixListener::bind(path).unwrap();
                (Self::Unix(listener), address.clone())
            }
            _ => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let bound = format!("tcp:{}", listener.local_addr().unwrap());
                (Self::Tcp(listener), bound.parse().unwrap())
            }
        }
    }

    async fn accept(&self) -> io::Result<Raw> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Raw::new(listener.accept().await?.0)),
            Self::Tcp(listener) => Ok(Raw::new(listener.accept().await?.0)),
        }
    }
}
