//! Connections of commands to servers.

use linkspan::Address;
use linkspan::auth::Credential;
use linkspan::rpc::{Client, ClientConfig, Connection, Router};

use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::node::NodeClient;

/// Connects once, with the limits of the configuration.
pub(crate) async fn client(address: &Address, loaded: &Loaded) -> Result<Client> {
    let server = loaded.config.server();
    let mut config = ClientConfig::default();
    config.session = server.session;
    config.session.credential = credential(loaded)?;
    config.transport = server.transport;
    config.reconnect = None;
    Ok(Client::connect_with(address.clone(), config, Router::new()).await?)
}

/// What a command proves who it is by.
pub(crate) fn credential(loaded: &Loaded) -> Result<Option<Credential>> {
    let file = loaded.token_file.as_ref();
    Ok(file.map(Credential::file).transpose()?)
}

/// As [`client`], for those who look at the connection itself.
pub(crate) async fn connect(address: &Address, loaded: &Loaded) -> Result<Connection> {
    connection_of(&client(address, loaded).await?, address)
}

/// The connection of a client that has just come.
pub(crate) fn connection_of(client: &Client, address: &Address) -> Result<Connection> {
    client.connection().ok_or_else(|| {
        let message = format!("{address} closed the connection at once");
        Failure::message(Kind::Unreachable, message)
    })
}

/// Connects to the node at an address; without one, to the configured one.
pub(crate) async fn node(
    address: Option<Address>,
    loaded: &Loaded,
) -> Result<(Client, NodeClient)> {
    let address = address_or_node(address, loaded)?;
    match client(&address, loaded).await {
        Ok(client) => Ok((client.clone(), NodeClient::new(client))),
        Err(failure) if failure.kind() == Kind::Unreachable => {
            Err(failure
                .hint("`linkspan up` starts a node, `linkspan doctor` looks for what is wrong"))
        }
        Err(failure) => Err(failure),
    }
}

/// The address that was named, or the configured node's.
pub(crate) fn address_or_node(address: Option<Address>, loaded: &Loaded) -> Result<Address> {
    match address {
        Some(address) => Ok(address),
        None => Ok(loaded.config.address()?),
    }
}
