//! Making connections over links.

use std::sync::Arc;

use proto::Role;
use proto::session::Transmit;
use tokio::task::JoinHandle;
use tracing::debug;

use crate::Address;
use crate::clock;
use crate::session::connection::Connection;
use crate::session::dispatch::Dispatch;
use crate::session::driver::Driver;
use crate::session::handler::Handler;
use crate::session::input::Input;
use crate::session::open::{Opened, open};
use crate::session::shared::Shared;
use crate::session::{Config, ConnectError};
use crate::transport::{self, Connected, DialError, Health, Link};

/// Connects to a server; connect and handshake share the transport's connection timeout.
pub(crate) async fn connect(
    address: &Address,
    transport: &transport::Config,
    config: &Arc<Config>,
    handler: Arc<dyn Handler>,
) -> Result<Connection, ConnectError> {
    let limit = transport.connection_timeout(address.scheme());
    let attempt = async {
        let mut link = transport::dial(address, transport).await?;
        let opened = open(&mut link, Role::Client, config).await?;
        Ok::<_, ConnectError>((link, opened))
    };
    let (link, opened) = match tokio::time::timeout(limit, attempt).await {
        Ok(result) => result?,
        Err(_) => {
            return Err(DialError::TimedOut {
                address: address.clone(),
                limit,
            }
            .into());
        }
    };
    let (connection, _) = run(link, opened, config, handler);
    debug!(%address, server = ?connection.peer_identity(), "connected");
    Ok(connection)
}

impl Connection {
    /// Opens a session as its client over a connection that is there already.
    pub(crate) async fn over(
        connected: Connected,
        config: &Arc<Config>,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ConnectError> {
        let (connection, _) = Self::given(connected, Role::Client, config, handler).await?;
        Ok(connection)
    }

    /// The same as its server; gives also the task of the session, which is done once what was said
    /// last has left.
    #[cfg(feature = "plugin-guest")]
    pub(crate) async fn serving(
        connected: Connected,
        config: &Arc<Config>,
        handler: Arc<dyn Handler>,
    ) -> Result<(Self, JoinHandle<()>), ConnectError> {
        Self::given(connected, Role::Server, config, handler).await
    }

    async fn given(
        connected: Connected,
        role: Role,
        config: &Arc<Config>,
        handler: Arc<dyn Handler>,
    ) -> Result<(Self, JoinHandle<()>), ConnectError> {
        let mut link = connected.into_link();
        let opened = open(&mut link, role, config).await?;
        let (connection, driving) = run(link, opened, config, handler);
        debug!(peer = ?connection.peer_identity(), "session over a given connection");
        Ok((connection, driving))
    }
}

/// Starts the tasks of a connection that no listener keeps, which end by themselves when its last user goes.
fn run(
    link: Link,
    opened: Opened,
    config: &Arc<Config>,
    handler: Arc<dyn Handler>,
) -> (Connection, JoinHandle<()>) {
    let (connection, driver) = start(link, opened, Arc::clone(config), handler, None);
    let driving = tokio::spawn(driver);
    if let Some(renewing) = connection.renewing() {
        drop(tokio::spawn(renewing.run()));
    }
    (connection, driving)
}

/// Makes the connection of a link whose handshake is through, and the driver that it needs; a
/// listener's `health` counts what it does.
pub(crate) fn start(
    link: Link,
    opened: Opened,
    config: Arc<Config>,
    handler: Arc<dyn Handler>,
    health: Option<Arc<Health>>,
) -> (Connection, Driver) {
    let Link {
        reader,
        writer,
        peer,
    } = link;
    let Opened {
        agreement,
        input,
        frames,
        ..
    } = opened;
    let now = clock::now();
    let send = match writer.empty_transmit() {
        Transmit::Frames(_) => agreement.send_frames(now),
        _ => agreement.send_bytes(now),
    };
    let (decoder, recv) = (agreement.decoder(), agreement.recv());
    let shared = Arc::new(Shared::new(
        send,
        writer,
        config,
        Arc::new(peer),
        agreement,
        health,
    ));
    let connection = Connection::new(Arc::clone(&shared));
    let dispatch = Dispatch::new(Arc::clone(&shared), handler);
    let input = Input::new(reader, decoder, input, frames);
    (connection, Driver::new(shared, input, recv, dispatch))
}
