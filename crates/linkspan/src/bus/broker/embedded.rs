//! A broker within a process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OnceCell};

use crate::Address;
use crate::auth::{self, Attempt, Authentication, Authenticator, Denial, Grant, Method, Principal};
use crate::bus::broker::{BrokerStats, Core, events};
use crate::bus::native::Native;
use crate::bus::{Client, ConfigError, ConnectError, Rates};
use crate::rpc::Router;
use crate::session::{self, Acceptor};
use crate::transport;

/// A broker in this process, with or without listeners of its own. Clones are the same broker.
#[derive(Debug, Clone)]
pub struct Embedded {
    native: Arc<Native>,
    /// Where clients of this process come in.
    door: Arc<OnceCell<Acceptor>>,
    /// Where others come in for whom this process speaks, by their names.
    others: Arc<Mutex<BTreeMap<String, Acceptor>>>,
}

/// Whoever comes is this one.
#[derive(Debug)]
struct Vouched(Principal);

impl Embedded {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            native: Native::new(core),
            door: Arc::default(),
            others: Arc::default(),
        }
    }

    /// The broker's methods, for a server of rpc: whoever connects there can be a client of the bus
    /// by the same connection.
    pub fn router(&self) -> Router {
        self.native.router()
    }

    /// Makes a client in this process. Its messages go through memory, and it may do what the user
    /// may that this process runs as.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no client behind.
    pub async fn connect(&self, name: &str) -> Result<Client, ConnectError> {
        let open = || self.open_door(session::Config::default());
        let door = self.door.get_or_try_init(open).await?;
        Client::connect(door.address(), name).await
    }

    /// Makes a client in this process for somebody else, who may do what this principal may.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no client behind.
    pub async fn connect_as(
        &self,
        name: &str,
        principal: &Principal,
    ) -> Result<Client, ConnectError> {
        let mut others = self.others.lock().await;
        let address = match others.get(&principal.name) {
            Some(door) => door.address().clone(),
            None => {
                let mut vouched = auth::Config::default().with(Vouched(principal.clone()));
                vouched.session_timeout = None;
                let config = session::Config {
                    authentication: Some(Authentication::new(vouched)),
                    ..session::Config::default()
                };
                let door = self.open_door(config).await?;
                let address = door.address().clone();
                others.insert(principal.name.clone(), door);
                address
            }
        };
        drop(others);
        Client::connect(address, name).await
    }

    /// What the broker has done so far.
    pub fn stats(&self) -> BrokerStats {
        self.core().stats()
    }

    /// Has other rates hold from now on, for clients that are there, too.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a rate that lets nothing through; the rates stay what they were.
    pub fn set_rates(&self, rates: &Rates) -> Result<(), ConfigError> {
        rates.check()?;
        self.core().rules.set_rates(rates);
        Ok(())
    }

    /// Tells all clients that the broker ends, and ends what they subscribed to, so that a server
    /// that has its [router](Self::router) can stop.
    pub fn stop(&self) {
        self.core().announce(events::shutdown());
        self.native.stop();
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        self.native.core()
    }

    async fn open_door(&self, config: session::Config) -> Result<Acceptor, ConnectError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = Address::Memory(format!("linkspan-bus-{number}"));
        let handler = Arc::new(self.router());
        let transport = transport::Config::default();
        let door = Acceptor::start(&address, transport, config, handler).await;
        door.map_err(ConnectError::Door)
    }
}

impl Authenticator for Vouched {
    fn method(&self) -> Method {
        Method::Host
    }

    fn authenticate(&self, _: &Attempt<'_>) -> Result<Grant, Denial> {
        Ok(Grant::new(self.0.clone()))
    }
}
