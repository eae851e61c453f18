//! A listener of exchanges: who gets a place, who is told that there is none, and the end of all.

use std::fmt;
use std::io::IoSlice;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use proto::frame::crc32::{Decoder, Header};

use crate::Address;
use crate::clock;
use crate::exchange::conversation::{Conversation, Settings, Surroundings};
use crate::exchange::error::ServeError;
use crate::exchange::framed::{Framed, Patience};
use crate::exchange::handler::Handler;
use crate::exchange::metrics::Counters;
use crate::exchange::seats::Seats;
use crate::exchange::{ConnectionError, ExchangeStats, StopReport, Variant};
use crate::transport::{
    Acceptor, ByteLink, Config, Front, Health, Link, ListenError, RETRY_AFTER, Refusal, Serving,
    TransportHealth, Writer,
};

/// A listener at work, with the connections that came by it.
#[derive(Debug)]
pub(super) struct Listening(Acceptor<Exchanges>);

/// The exchanges of one listener.
struct Exchanges {
    handler: Handler,
    /// What holds for new connections.
    settings: RwLock<Arc<Settings>>,
    seats: Arc<Seats>,
    counters: Arc<Counters>,
}

impl Listening {
    pub(super) async fn start(
        address: &Address,
        transport: Config,
        settings: Settings,
        handler: Handler,
    ) -> Result<Self, ListenError> {
        let exchanges = Exchanges {
            handler,
            settings: RwLock::new(Arc::new(settings)),
            seats: Arc::default(),
            counters: Arc::default(),
        };
        let acceptor = Acceptor::start(address, transport, Arc::new(exchanges)).await?;
        Ok(Self(acceptor))
    }

    /// Changes the settings for connections that come from now on; nothing on an error.
    pub(super) async fn reconfigure(
        &self,
        transport: Config,
        settings: Settings,
    ) -> Result<(), ListenError> {
        self.0.reconfigure(transport).await?;
        let current = &self.0.front().settings;
        *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.0.fit();
        Ok(())
    }

    pub(super) fn address(&self) -> &Address {
        self.0.address()
    }

    pub(super) fn stats(&self) -> ExchangeStats {
        self.0.front().counters.stats()
    }

    pub(super) fn health(&self) -> TransportHealth {
        self.0.health().report()
    }

    /// Accepts no more, lets questions that are under way be answered within `limit`, and cuts off
    /// the others.
    pub(super) async fn stop(mut self, limit: Duration) -> StopReport {
        self.0.close().await;
        let seats = Arc::clone(&self.0.front().seats);
        seats.stop();
        let mut ended = pin!(self.0.all_ended());
        if tokio::time::timeout(limit, &mut ended).await.is_err() {
            seats.cut();
            ended.await;
        }
        let ended = seats.report();
        let mut report = StopReport::default();
        (report.connections, report.cut) = (ended.connections, ended.cut);
        report
    }
}

impl Front for Exchanges {
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving {
        let Some(link) = link.into_bytes() else {
            self.counters.failed(&ServeError::NotBytes);
            health.handshake_failed(&ServeError::NotBytes);
            return Box::pin(std::future::ready(()));
        };
        let guard = self.seats.take();
        let around = Surroundings {
            settings: self.settings(),
            handler: self.handler.clone(),
            counters: Arc::clone(&self.counters),
            health,
        };
        let conversation = Conversation::new(link, Arc::clone(&guard.seat), around);
        Box::pin(async move {
            guard.seat.until_ended(conversation.run()).await;
        })
    }

    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving {
        let Some(link) = link.into_bytes() else {
            return Box::pin(std::future::ready(()));
        };
        Box::pin(async move {
            tokio::time::timeout(REFUSAL, refuse(link, refusal))
                .await
                .ok();
        })
    }

    fn refuse_now(&self, link: &Link, refusal: Refusal) {
        let Writer::Bytes(writer) = &link.writer else {
            return;
        };
        if let Refusal::Busy { .. } = refusal {
            let header = Header::busy(RETRY_AFTER).to_bytes();
            // With most backends a new connection takes so little at once.
            writer.try_write(&[IoSlice::new(&header)]).ok();
        }
        writer.shutdown();
    }

    fn make_room(&self) -> bool {
        let least = self.settings().ipc.accept_timeout;
        let is_room = self.seats.evict(clock::now(), least);
        if is_room {
            self.counters.evicted.increment();
        }
        is_room
    }

    fn max_connections(&self, _: &Address, _: &Config) -> usize {
        self.settings().ipc.max_connections
    }

    fn is_idle(&self) -> bool {
        self.seats.is_idle()
    }
}

impl Exchanges {
    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Says why there is no place, and reads what nobody wants until the peer closes: closing with bytes
/// unread would destroy the answer on some transports.
async fn refuse(link: ByteLink, refusal: Refusal) -> Result<(), ConnectionError> {
    let framed = Framed::new(link, Decoder::new(Variant::default(), 0));
    if let Refusal::Busy { .. } = refusal {
        let header = Header::busy(RETRY_AFTER);
        framed
            .write(header, &[], Patience::new(REFUSAL), &mut 0)
            .await?;
    }
    framed.drain().await
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanges").finish_non_exhaustive()
    }
}

/// How long a peer that is refused may take to close.
const REFUSAL: Duration = Duration::from_secs(2);
