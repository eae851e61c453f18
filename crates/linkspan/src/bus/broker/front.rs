//! The broker's side of a listener: native clients and those of BUS/RT come by the same one.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use proto::frame::busrt::GREETING;
use tracing::debug;

use crate::Address;
use crate::bus::broker::Core;
use crate::bus::busrt::converse;
use crate::bus::error::ConnectionError;
use crate::session::Sessions;
use crate::transport::{ByteLink, Config, Front, Health, Link, Peer, Refusal, Serving, write_all};

/// What is done with connections that come by one address.
pub(crate) struct Clients {
    pub(crate) core: Arc<Core>,
    pub(crate) address: Address,
    sessions: Arc<Sessions>,
    open: AtomicUsize,
}

impl Clients {
    pub(crate) fn new(core: Arc<Core>, address: Address, sessions: Sessions) -> Self {
        Self {
            core,
            address,
            sessions: Arc::new(sessions),
            open: AtomicUsize::new(0),
        }
    }

    /// Ends native sessions in order, with at most `limit` for what is under way.
    pub(crate) fn stop_sessions(&self, limit: Duration) {
        self.sessions.stop(limit);
    }

    /// Serves a client. Each step has its own memory, and gives it back: most clients are idle for
    /// long.
    async fn converse(&self, link: Link, health: Arc<Health>) -> Result<(), ConnectionError> {
        let limit = self.core.config.timeout;
        let opened = Box::pin(tokio::time::timeout(limit, introduce(link))).await;
        let opened = opened.unwrap_or(Err(ConnectionError::Silent { limit }));
        match opened.inspect_err(|error| health.handshake_failed(error))? {
            Opened::Native(link, read) => {
                let sessions = Arc::clone(&self.sessions);
                Box::pin(sessions.converse(link, read, health)).await;
                Ok(())
            }
            Opened::BusRt(link, read) => Box::pin(self.converse_busrt(link, read, &health)).await,
        }
    }

    /// Serves a client of BUS/RT, who has no words to prove who it is.
    async fn converse_busrt(
        &self,
        mut link: ByteLink,
        read: BytesMut,
        health: &Health,
    ) -> Result<(), ConnectionError> {
        let lease = self.sessions.admit(&mut link.peer);
        let lease = lease.inspect_err(|error| health.handshake_failed(error))?;
        let (core, port) = (Arc::clone(&self.core), self.address.to_string());
        let Some(lease) = lease else {
            return converse(core, link, read, port, health).await;
        };
        let peer = Box::new(link.peer.clone());
        let ended = tokio::select! {
            ended = converse(core, link, read, port, health) => ended,
            _ = lease.lapse() => Err(ConnectionError::Lapsed),
        };
        if let Err(error) = &ended
            && let Some(fault) = error.fault()
        {
            lease.note_fault(&peer, fault, error);
        }
        ended
    }
}

/// A client that has said something, which shows of which sort it is.
enum Opened {
    Native(Link, BytesMut),
    BusRt(ByteLink, BytesMut),
}

/// Greets a client, and waits until it has said something.
async fn introduce(link: Link) -> Result<Opened, ConnectionError> {
    if link.has_frames() {
        return Ok(Opened::Native(link, BytesMut::new()));
    }
    let mut link = link.into_bytes().ok_or(ConnectionError::NotBytes)?;
    write_all(&*link.writer, &GREETING).await?;
    poll_fn(|cx| link.reader.poll_ready(cx)).await?;
    let mut read = BytesMut::with_capacity(FIRST_BYTES);
    poll_fn(|cx| link.reader.poll_read(cx, &mut read, FIRST_BYTES)).await?;
    Ok(match read.first() {
        Some(&NATIVE_START) => Opened::Native(link.into(), read),
        _ => Opened::BusRt(link, read),
    })
}

impl Front for Clients {
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving {
        Box::pin(async move {
            self.open.fetch_add(1, Ordering::Relaxed);
            let _open = Open(&self.open);
            if let Err(error) = self.converse(link, health).await {
                debug!(%error, address = %self.address, "a client was cut off");
            }
        })
    }

    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving {
        self.refuse_now(&link, refusal);
        Box::pin(std::future::ready(()))
    }

    fn refuse_now(&self, link: &Link, refusal: Refusal) {
        match link.has_frames() {
            true => self.sessions.refuse_now(link, refusal),
            // Whoever it is, there are no words for it that all understand.
            false => link.writer.shutdown(),
        }
    }

    fn turned_away(&self, peer: &Peer, reason: &'static str, detail: &dyn fmt::Display) {
        self.sessions.turned_away(peer, reason, detail);
    }

    fn max_connections(&self, _: &Address, _: &Config) -> usize {
        self.core.config.max_connections
    }

    fn is_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }
}

/// A connection that is there.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What native clients say first: the `L` of "LSPN".
const NATIVE_START: u8 = b'L';
/// What is read to see who it is.
const FIRST_BYTES: usize = 64;
