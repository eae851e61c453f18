//! Servers to test against, in this process and in processes of their own.

use std::process::Child;

use linkspan::Address;
use linkspan::rpc::{Client, ClientConfig, Router, ServerConfig, Serving};
use tempfile::TempDir;

use crate::certificates;
use crate::conformance::child::{self, Setup};
use crate::conformance::{Place, serve};

/// A server with the methods that the suite calls.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    /// Where it listens.
    pub address: Address,
    place: Place,
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
        config.transport.backend = place.backend();
        config.transport.tls = certificates::shared_config();
        change(&mut config);
        let serving = serve(&place.address(&directory), config).await;
        let address = serving.address().clone();
        Self {
            address,
            place,
            running: Running::Here(Box::new(Some(serving))),
            _directory: directory,
        }
    }

    /// Starts one in a process of its own, which runs `child_main` of the same test program.
    pub fn spawn(place: Place) -> Self {
        Self::spawn_with(place, &Setup::default())
    }

    /// Starts one in a process that is set up in its own way.
    pub fn spawn_with(place: Place, setup: &Setup) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (child, address) = child::spawn(&place.address(&directory), place.backend(), setup);
        Self {
            address,
            place,
            running: Running::Child(child),
            _directory: directory,
        }
    }

    /// A client of it.
    pub async fn client(&self) -> Client {
        Client::connect_with(&self.address, self.client_config(), Router::new())
            .await
            .expect("the server accepts")
    }

    /// Settings of a client that uses what the server uses.
    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        config.transport.backend = self.place.backend();
        config.transport.tls = certificates::shared_config();
        config
    }

    /// What is counted at its address.
    pub fn stats(&self) -> linkspan::rpc::ListenerStats {
        let Running::Here(serving) = &self.running else {
            panic!("it runs elsewhere")
        };
        let serving = serving.as_ref().as_ref().expect("it runs");
        serving.stats().next().expect("it listens").1
    }

    /// Connections that have a place at its address.
    pub fn places(&self) -> usize {
        let Running::Here(serving) = &self.running else {
            panic!("it runs elsewhere")
        };
        let serving = serving.as_ref().as_ref().expect("it runs");
        serving
            .health()
            .next()
            .expect("it listens")
            .1
            .connection_count
    }

    /// The server itself.
    pub fn take(&mut self) -> Serving {
        let Running::Here(serving) = &mut self.running else {
            panic!("it runs elsewhere")
        };
        serving.take().expect("it runs")
    }

    /// Kills its process without a warning and waits for its end.
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
