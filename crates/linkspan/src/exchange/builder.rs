//! How clients are made.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::exchange::counts::ClientCounters;
use crate::exchange::pool::Pool;
use crate::exchange::{Client, ClientConfig, ExchangeError};
use crate::layer::{Balance, Endpoint};
use crate::{Address, AddressError};

/// Makes a [`Client`]: endpoints and settings.
#[derive(Debug, Default)]
#[must_use = "it makes a client by `connect` or `build` only"]
pub struct ClientBuilder {
    config: ClientConfig,
    endpoints: Vec<Place>,
}

/// An endpoint to be.
#[derive(Debug)]
struct Place {
    address: Result<Address, AddressError>,
    priority: u8,
    weight: NonZeroU32,
}

impl ClientBuilder {
    /// Replaces the settings.
    pub fn config(mut self, config: impl Into<ClientConfig>) -> Self {
        self.config = config.into();
        self
    }

    /// Adds a server of the first class.
    pub fn endpoint<A>(self, address: A) -> Self
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        self.weighted_endpoint(address, 0, NonZeroU32::MIN)
    }

    /// Adds a server that is asked only while none of a lower number takes questions.
    pub fn fallback<A>(self, address: A, priority: u8) -> Self
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        self.weighted_endpoint(address, priority, NonZeroU32::MIN)
    }

    /// Adds a server with its class, and how many questions at once it takes, compared with others
    /// of its class.
    pub fn weighted_endpoint<A>(mut self, address: A, priority: u8, weight: NonZeroU32) -> Self
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        self.endpoints.push(Place {
            address: address.try_into().map_err(Into::into),
            priority,
            weight,
        });
        self
    }

    /// Makes the client, which connects with its first question.
    ///
    /// # Errors
    ///
    /// - [`ExchangeError::Address`]: one of the endpoints is not an address.
    /// - [`ExchangeError::NoEndpoints`].
    pub fn build(self) -> Result<Client, ExchangeError> {
        self.make().map(|(client, _)| client)
    }

    /// Makes the client, and a connection to one of its endpoints, in the order of their classes.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build), and [`ExchangeError::Connect`] if no endpoint can be
    /// reached, with the error of the last one.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the connection.
    pub async fn connect(self) -> Result<Client, ExchangeError> {
        let (client, mut pools) = self.make()?;
        pools.sort_by_key(|(priority, _)| *priority);
        let mut result = Err(ExchangeError::NoEndpoints);
        for (_, pool) in pools {
            result = pool.prepare().await;
            if result.is_ok() {
                break;
            }
        }
        result.map(|()| client)
    }

    fn make(self) -> Result<(Client, Vec<(u8, Pool)>), ExchangeError> {
        if self.endpoints.is_empty() {
            return Err(ExchangeError::NoEndpoints);
        }
        let (config, counters) = (Arc::new(self.config), Arc::<ClientCounters>::default());
        let mut pools = Vec::new();
        let mut endpoints = Vec::new();
        for place in self.endpoints {
            let pool = Pool::new(place.address?, Arc::clone(&config), Arc::clone(&counters));
            pools.push((place.priority, pool.clone()));
            let mut endpoint = Endpoint::new(Arc::clone(pool.endpoint()), pool);
            (endpoint.priority, endpoint.weight) = (place.priority, place.weight);
            endpoints.push(endpoint);
        }
        let balance = Balance::new(endpoints, config.balance.clone());
        Ok((Client::new(balance, config, counters), pools))
    }
}
