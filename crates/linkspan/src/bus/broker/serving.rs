//! A broker at work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::Authentication;
use crate::bus::ServeError;
use crate::bus::broker::front::Clients;
use crate::bus::broker::{BrokerStats, Embedded};
use crate::compression::CompressionConfig;
use crate::session::{self, Sessions};
use crate::transport::{self, Acceptor, TransportHealth};
use crate::{Address, AddressError};

/// A broker at work.
///
/// Dropping it ends all connections at once; [`stop`](Self::stop) tells clients before.
#[must_use = "dropping it ends the broker"]
pub struct Serving {
    broker: Embedded,
    settings: Settings,
    first: Acceptor<Clients>,
    more: Vec<Acceptor<Clients>>,
}

/// Of the addresses of a broker.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) transport: transport::Config,
    pub(super) authentication: Option<Authentication>,
    pub(super) compression: CompressionConfig,
}

impl Serving {
    pub(super) async fn start(
        broker: Embedded,
        settings: Settings,
        address: &Address,
    ) -> Result<Self, ServeError> {
        let first = listen(&broker, &settings, address).await?;
        Ok(Self {
            broker,
            settings,
            first,
            more: Vec::new(),
        })
    }

    /// Listens at a further address; gives it with the port that the system chose.
    ///
    /// # Errors
    ///
    /// Any [`ServeError`]; the broker goes on with the addresses that it had.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the address is not added.
    pub async fn also<A>(&mut self, address: A) -> Result<Address, ServeError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let acceptor = listen(&self.broker, &self.settings, &address).await?;
        let bound = acceptor.address().clone();
        self.more.push(acceptor);
        Ok(bound)
    }

    /// The address that it began with, with the port that the system chose.
    pub fn address(&self) -> &Address {
        self.first.address()
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.all().map(Acceptor::address)
    }

    /// The broker itself, for clients of this process and servers of rpc.
    pub fn broker(&self) -> &Embedded {
        &self.broker
    }

    /// What it has done so far.
    pub fn stats(&self) -> BrokerStats {
        self.broker.stats()
    }

    /// How it is doing at each address.
    pub fn health(&self) -> impl Iterator<Item = (&Address, TransportHealth)> {
        self.all()
            .map(|acceptor| (acceptor.address(), acceptor.health().report()))
    }

    /// Tells all clients that the broker ends, gives them at most `limit` to go, and cuts off the
    /// others.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connections end at once.
    pub async fn stop(mut self, limit: Duration) {
        self.first.close().await;
        for acceptor in &mut self.more {
            acceptor.close().await;
        }
        self.broker.stop();
        for acceptor in self.all() {
            acceptor.front().stop_sessions(limit);
        }
        let ended = async {
            self.first.all_ended().await;
            for acceptor in &self.more {
                acceptor.all_ended().await;
            }
        };
        tokio::time::timeout(limit, ended).await.ok();
    }

    fn all(&self) -> impl Iterator<Item = &Acceptor<Clients>> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

async fn listen(
    broker: &Embedded,
    settings: &Settings,
    address: &Address,
) -> Result<Acceptor<Clients>, ServeError> {
    let transport = &settings.transport;
    let mut config = session::Config::default();
    config.authentication.clone_from(&settings.authentication);
    config.compression.clone_from(&settings.compression);
    let core = broker.core();
    config.max_message_bytes = usize::try_from(core.config.max_message_bytes).unwrap_or(usize::MAX);
    let sessions = Sessions::new(address, transport, config, Arc::new(broker.router()));
    let clients = Clients::new(Arc::clone(core), address.clone(), sessions);
    let clients = Arc::new(clients);
    Ok(Acceptor::start(address, transport.clone(), clients).await?)
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("first", &self.first)
            .field("more", &self.more)
            .finish_non_exhaustive()
    }
}
