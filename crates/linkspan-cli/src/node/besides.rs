//! What a node has besides calls: exchanges if they are configured, and a broker.

use std::time::Duration;

use linkspan::Address;
use linkspan::bus::{self, Broker, ConfigError, Embedded, Rates, Schemas, ServeError};
use linkspan::exchange::{self, IpcConfig};
use linkspan::rpc::{Router, StopReport};
use linkspan::transport::ListenError;

use crate::config::Config;
use crate::node::detection;
use crate::node::guard::Guard;
use crate::node::wire::{Answers, BusCounts, ListenerStatus};

/// Servers besides that of calls.
#[derive(Debug, Default)]
pub(crate) struct Besides {
    exchanges: Option<exchange::Serving>,
    broker: Option<Embedded>,
    /// Where clients of the broker come, besides the addresses at which the node takes calls.
    bus: Option<bus::Serving>,
    /// Clients of it at each such address.
    max_clients: usize,
}

impl Besides {
    /// Begins to serve what the configuration says.
    pub(crate) async fn start(
        config: &Config,
        schemas: Schemas,
        guard: &Guard,
    ) -> Result<Self, ServeError> {
        let places = config.bus.addresses()?;
        let make = |broker: Broker| broker.schemas(schemas.clone()).guard(guard.rights.clone());
        let bus = broker(config, &places, make(Broker::new()), guard).await?;
        let broker = match &bus {
            Some(bus) => bus.broker().clone(),
            None => {
                let broker = Broker::new().config(config.bus.broker());
                make(broker).embed()?
            }
        };
        Ok(Self {
            exchanges: detection::serve(config, guard).await?,
            broker: Some(broker),
            bus,
            max_clients: config.bus.max_connections,
        })
    }

    /// The broker's methods: native clients come where calls are taken.
    pub(crate) fn bus_methods(&self) -> Router {
        self.broker
            .as_ref()
            .map_or_else(Router::new, Embedded::router)
    }

    /// The broker, for clients in this process.
    pub(crate) fn embedded(&self) -> Option<Embedded> {
        self.broker.clone()
    }

    /// Where exchanges are answered.
    pub(crate) fn exchange_addresses(&self) -> impl Iterator<Item = &Address> {
        self.exchanges.iter().flat_map(exchange::Serving::addresses)
    }

    /// Where clients of the broker come.
    pub(crate) fn bus_addresses(&self) -> impl Iterator<Item = &Address> {
        self.bus.iter().flat_map(bus::Serving::addresses)
    }

    /// Has other rates and schemas hold for messages; all else of the broker holds from start to end.
    pub(crate) fn set_rules(&self, rates: &Rates, schemas: Schemas) -> Result<(), ConfigError> {
        let Some(broker) = &self.broker else {
            return Ok(());
        };
        broker.set_rates(rates)?;
        broker.set_schemas(schemas);
        Ok(())
    }

    /// Takes other settings for exchanges that come from now on.
    pub(crate) async fn reconfigure(&mut self, exchanges: IpcConfig) -> Result<(), ListenError> {
        match &mut self.exchanges {
            Some(serving) => serving.reconfigure(exchanges).await,
            None => Ok(()),
        }
    }

    /// How each listener is doing, at `now_ms` since 1970.
    pub(crate) fn listeners(&self, max_exchanges: usize, now_ms: u64) -> Vec<ListenerStatus> {
        let mut listeners = Vec::new();
        let exchanges = self.exchanges.iter();
        let stats = exchanges.clone().flat_map(exchange::Serving::stats);
        for ((address, health), (_, stats)) in
            exchanges.flat_map(exchange::Serving::health).zip(stats)
        {
            let mut listener = ListenerStatus::new(address, health, Some(max_exchanges), now_ms);
            listener.answers = Answers::Exchanges;
            listener.exchange = Some((&stats).into());
            listeners.push(listener);
        }
        for (address, health) in self.bus.iter().flat_map(bus::Serving::health) {
            let mut listener = ListenerStatus::new(address, health, Some(self.max_clients), now_ms);
            listener.answers = Answers::Bus;
            listeners.push(listener);
        }
        listeners
    }

    /// What the broker has done.
    pub(crate) fn bus_counts(&self) -> Option<BusCounts> {
        self.broker.as_ref().map(|broker| (&broker.stats()).into())
    }

    /// Ends in order; `limit` is for what is under way.
    pub(crate) async fn stop(self, limit: Duration) -> StopReport {
        let exchanges = async {
            match self.exchanges {
                Some(exchanges) => exchanges.stop(limit).await,
                None => StopReport::default(),
            }
        };
        let bus = async {
            match (self.bus, self.broker) {
                (Some(bus), _) => bus.stop(limit.min(CLIENTS_LIMIT)).await,
                (None, Some(broker)) => broker.stop(),
                (None, None) => {}
            }
        };
        tokio::join!(exchanges, bus).0
    }
}

/// Begins to take clients at all of these addresses, with the settings of the section `bus`.
pub(crate) async fn broker(
    config: &Config,
    addresses: &[Address],
    broker: Broker,
    guard: &Guard,
) -> Result<Option<bus::Serving>, ServeError> {
    let [first, more @ ..] = addresses else {
        return Ok(None);
    };
    let server = config.server();
    let broker = broker
        .config(config.bus.broker())
        .transport(server.transport)
        .compression(server.session.compression)
        .authentication(guard.authentication.clone());
    let mut serving = broker.listen(first.clone()).await?;
    for address in more {
        serving.also(address.clone()).await?;
    }
    Ok(Some(serving))
}

/// Time for clients of the broker to go; many of them wait for it to come back instead.
const CLIENTS_LIMIT: Duration = Duration::from_secs(1);
