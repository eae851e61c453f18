//! What both halves of a link share: the state of TLS, and the way to the peer.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::{Connection, ProtocolVersion};

use crate::clock;
use crate::transport::bytes::ByteWriter;
use crate::transport::tls::handshake::Terms;

/// A connection after its handshake.
///
/// The lock is held while records are encrypted, decrypted and handed to the socket, which never
/// waits; so records leave in their order, whichever half they come from.
pub(super) struct Channel {
    state: Mutex<State>,
    pub(super) writer: Box<dyn ByteWriter>,
    terms: Terms,
}

pub(super) struct State {
    pub(super) connection: Connection,
    /// Bytes that are encrypted, and not yet reported as taken.
    unreported: usize,
    /// Since when the keys are used, and for how many bytes.
    since: Instant,
    sent: u64,
    is_closed: bool,
}

impl Channel {
    pub(super) fn new(connection: Connection, writer: Box<dyn ByteWriter>, terms: Terms) -> Self {
        Self {
            state: Mutex::new(State {
                connection,
                unreported: 0,
                since: clock::now(),
                sent: 0,
                is_closed: false,
            }),
            writer,
            terms,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Encrypts and sends as much as the socket takes.
    ///
    /// What was encrypted has to be sent, and the socket may not take it. So the last byte of it is
    /// reported as taken only when all is sent: who is refused comes again with the same bytes, and
    /// nothing stays behind that nobody would send.
    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.lock();
        if state.unreported == 0 {
            self.refresh(&mut state)?;
            state.unreported = state.connection.writer().write_vectored(slices)?;
            state.sent = state.sent.saturating_add(state.unreported as u64);
        }
        let pushed = self.push(&mut state.connection)?;
        if !state.connection.wants_write() {
            return Ok(std::mem::take(&mut state.unreported));
        }
        match pushed.min(state.unreported.saturating_sub(1)) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            some => {
                state.unreported -= some;
                Ok(some)
            }
        }
    }

    /// Sends what is encrypted, as far as the socket takes it; says how much it took.
    pub(super) fn push(&self, connection: &mut Connection) -> io::Result<usize> {
        let mut pushed = 0;
        while connection.wants_write() {
            match connection.write_tls(&mut Sink(&*self.writer)) {
                Ok(written) => pushed += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(pushed)
    }

    /// Ends this direction: says so to the peer, unless a message is cut off.
    pub(super) fn close(self: &Arc<Self>) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_closed, true) {
            return;
        }
        let is_whole = state.unreported == 0;
        if is_whole {
            state.connection.send_close_notify();
        }
        let is_sent = self.push(&mut state.connection).is_err() || !state.connection.wants_write();
        drop(state);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if is_whole && !is_sent => {
                let channel = Arc::clone(self);
                // It ends by itself, and soon.
                drop(runtime.spawn(tokio::time::timeout(CLOSING, channel.send_rest())));
            }
            _ => self.writer.shutdown(),
        }
    }

    /// Waits until the peer has taken everything.
    async fn send_rest(self: Arc<Self>) {
        while !self.is_sent() {
            if poll_fn(|cx| self.writer.poll_write_ready(cx))
                .await
                .is_err()
            {
                break;
            }
        }
        self.writer.shutdown();
    }

    /// Sends what is encrypted, and says whether nothing is left that could be sent.
    fn is_sent(&self) -> bool {
        let mut state = self.lock();
        self.push(&mut state.connection).is_err() || !state.connection.wants_write()
    }

    /// Changes the keys of both directions when they have been used for long enough.
    fn refresh(&self, state: &mut State) -> io::Result<()> {
        let now = clock::now();
        let is_due = state.sent >= self.terms.refresh_bytes
            || now >= clock::after(state.since, self.terms.refresh_interval);
        if is_due && state.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            state
                .connection
                .refresh_traffic_keys()
                .map_err(io::Error::other)?;
            (state.since, state.sent) = (now, 0);
        }
        Ok(())
    }
}

/// A socket as a place that rustls can write to.
pub(super) struct Sink<'w>(pub(super) &'w dyn ByteWriter);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("on", &self.writer)
            .finish_non_exhaustive()
    }
}

/// Time in which a peer takes what is left when this side is done.
const CLOSING: Duration = Duration::from_secs(10);
