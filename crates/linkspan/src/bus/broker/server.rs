//! A broker before it serves.

use std::sync::Arc;

use crate::auth::policy::Guard;
use crate::auth::{Authentication, Principal};
use crate::bus::access::Authorize;
use crate::bus::broker::serving::Settings;
use crate::bus::broker::{Check, Core, Embedded, Serving};
use crate::bus::{Action, Config, ConfigError, ServeError};
use crate::compression::CompressionConfig;
use crate::{Address, AddressError, transport};

/// Passes messages between clients: by topics, by names, and calls.
///
/// Clients of BUS/RT, protocol version 1, need no change.
///
/// # Examples
///
/// ```
/// use linkspan::bus::Broker;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut serving = Broker::new().listen("tcp:127.0.0.1:0").await?;
/// println!("clients may come to {}", serving.address());
/// # serving.stop(std::time::Duration::ZERO).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Broker {
    config: Config,
    authorize: Authorize,
    pub(crate) checks: Option<Arc<dyn Check>>,
    settings: Settings,
}

impl Broker {
    /// A broker with default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Replaces the settings of transports, such as who may connect.
    #[must_use]
    pub fn transport(mut self, config: transport::Config) -> Self {
        self.settings.transport = config;
        self
    }

    /// Says what clients are asked for, and who is believed. Clients of BUS/RT have no words for it:
    /// they are let in by their user or certificate alone.
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.settings.authentication = Some(authentication);
        self
    }

    /// Says what is compressed, where, and by what, on connections of native clients. A message is
    /// inflated once, and compressed for each receiver that takes that.
    #[must_use]
    pub fn compression(mut self, config: CompressionConfig) -> Self {
        self.settings.compression = config;
        self
    }

    /// Has a rule decide who may do what: it is asked at each operation of each client, on the way
    /// of every message, and must not block. What it refuses, clients are told.
    ///
    /// Without a rule everybody who may connect may do everything. A rule that has changed its mind
    /// holds for the next operation; subscriptions that there are stay.
    #[must_use]
    pub fn authorize(
        mut self,
        rule: impl Fn(&Principal, Action<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.authorize = Authorize::Rule(Arc::new(rule));
        self
    }

    /// Has a guard decide who may do what, in place of a [rule](Self::authorize). A client with a
    /// subscription that another policy of the guard's does not permit is disconnected.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.authorize = Authorize::Guard(guard);
        self
    }

    /// Makes the broker without a listener of its own; its [router](Embedded::router) can be part of
    /// any server.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a setting that does not fit.
    pub fn embed(self) -> Result<Embedded, ConfigError> {
        self.config.check()?;
        let core = Core::new(self.config, self.authorize);
        core.rules.set_checks(self.checks);
        Ok(Embedded::new(core))
    }

    /// Begins to listen at an address; [`Serving::also`] adds more.
    ///
    /// # Errors
    ///
    /// Any [`ServeError`].
    pub async fn listen<A>(self, address: A) -> Result<Serving, ServeError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let settings = self.settings.clone();
        Serving::start(self.embed()?, settings, &address).await
    }
}
