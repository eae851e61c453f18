//! Clients of a broker, as commands use them.

use std::time::{Duration, Instant};

use clap::Args;
use linkspan::Address;
use linkspan::bus::{
    Client, ClientConfig, ConnectError, Delivery, Post, PostError, SealedClient, SubscribeError,
};
use serde_json::json;

use crate::commands::connect::address_or_node;
use crate::commands::connect::credential;
use crate::commands::sealing::Seal;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Which broker, and who.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The broker, as unix:PATH, pipe:NAME, tcp:HOST:PORT or ws:HOST:PORT; without it the node of the configuration.
    #[arg(long, short, global = true, value_name = "ADDRESS")]
    address: Option<Address>,

    /// The name to have on the bus; without it cli.HOST.PROCESS.
    #[arg(long, global = true, value_name = "NAME")]
    name: Option<String>,
}

impl At {
    /// Where the broker is.
    pub(super) fn place(&self, loaded: &Loaded) -> Result<Address> {
        address_or_node(self.address.clone(), loaded)
    }

    /// The name of the client.
    pub(super) fn own_name(&self) -> String {
        let host = sysinfo::System::host_name().unwrap_or_default();
        let host = host.split('.').next().filter(|host| !host.is_empty());
        let host = host.unwrap_or("localhost");
        let usual = || format!("cli.{host}.{}", std::process::id());
        self.name.clone().unwrap_or_else(usual)
    }

    /// Gets onto the bus.
    pub(super) async fn connect(&self, loaded: &Loaded) -> Result<Client> {
        self.connect_as(&self.own_name(), loaded).await
    }

    /// The same, and tries again for a time while nobody is there.
    pub(super) async fn connect_within(&self, loaded: &Loaded, limit: Duration) -> Result<Client> {
        let began = Instant::now();
        loop {
            match self.connect(loaded).await {
                Err(failure) if failure.kind() == Kind::Unreachable && began.elapsed() < limit => {
                    tokio::time::sleep(PAUSE).await;
                }
                connected => return connected,
            }
        }
    }

    /// Gets onto the bus under another name.
    pub(super) async fn connect_as(&self, name: &str, loaded: &Loaded) -> Result<Client> {
        let server = loaded.config.server();
        let mut config = ClientConfig::default();
        config.session = server.session;
        config.session.credential = credential(loaded)?;
        config.transport = server.transport;
        let connected = Client::connect_with(self.place(loaded)?, name, config).await;
        Ok(connected?)
    }
}

/// A client that seals what it sends, or not.
pub(super) enum Poster {
    Plain(Client),
    Sealed(SealedClient),
}

impl Poster {
    pub(super) fn new(client: &Client, seal: &Seal) -> Result<Self> {
        Ok(match seal.ring()? {
            None => Self::Plain(client.clone()),
            Some(ring) => Self::Sealed(client.sealed(ring)),
        })
    }

    pub(super) async fn post(&self, post: &Post) -> std::result::Result<Delivery, PostError> {
        match self {
            Self::Plain(client) => client.post(post).await,
            Self::Sealed(client) => client.post(post).await,
        }
    }
}

/// Says when the broker is lost and when it is there again, as long as the future is polled.
pub(super) async fn tell_losses(client: &Client, output: &Output) -> Result {
    let mut was_there = true;
    loop {
        tokio::time::sleep(PAUSE).await;
        let is_there = client.is_connected();
        if is_there == was_there {
            continue;
        }
        was_there = is_there;
        let (event, text) = match is_there {
            true => ("connected", "the broker is there again"),
            false => ("lost", "the broker is lost; waiting for it to come back"),
        };
        match output.json {
            true => output.json_line(&json!({ "event": event }))?,
            false => output.notice(text),
        }
    }
}

/// The client is off the bus for ever.
pub(super) async fn off_the_bus(client: &Client) -> Failure {
    Failure::message(Kind::Unreachable, client.ended().await)
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Session(error) => error.into(),
            ConnectError::Refused(_) => Self::new(Kind::Refused, error)
                .hint("--name gives another name; `linkspan bus clients` shows who has which"),
            error => Self::new(Kind::Unreachable, error)
                .hint("is it a broker? `linkspan up` and `linkspan bus serve` start one"),
        }
    }
}

impl From<PostError> for Failure {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Call(error) => error.into(),
            PostError::Denied(_) | PostError::Invalid(_) => Self::new(Kind::Refused, error),
            PostError::Limited { .. } => Self::new(Kind::Refused, error)
                .hint("`bus.rate` of the broker's configuration says how many may come"),
            error => Self::new(Kind::Usage, error),
        }
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::Call(error) => error.into(),
            SubscribeError::Overflowed => Self::new(Kind::Refused, error)
                .hint("--overflow says what is done about messages for which there is no room"),
            error => Self::new(Kind::Refused, error),
        }
    }
}

/// Time between two looks, and between two attempts.
const PAUSE: Duration = Duration::from_millis(100);
/// Time for what is under way when a command has done its work.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(1);
