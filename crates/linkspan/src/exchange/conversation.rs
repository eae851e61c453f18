//! The server's side of one connection: questions are read, handled and answered, one by one.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use proto::frame::crc32::{Decoder, Encoder, HEADER_BYTES, Header};

use crate::auth::quota::Place;
use crate::clock;
use crate::exchange::error::ServeError;
use crate::exchange::framed::{Framed, Patience};
use crate::exchange::handler::{Handler, Handling, Turn};
use crate::exchange::metrics::Counters;
use crate::exchange::rights::Rights;
use crate::exchange::seats::Seat;
use crate::exchange::{ConnectionError, Context, IpcConfig};
use crate::transport::{ByteLink, Health, Peer};

/// What holds for a connection.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) ipc: IpcConfig,
    pub(super) handler_timeout: Duration,
    pub(super) rights: Option<Rights>,
}

/// What a connection shares with others of its listener.
pub(super) struct Surroundings {
    pub(super) settings: Arc<Settings>,
    pub(super) handler: Handler,
    pub(super) counters: Arc<Counters>,
    pub(super) health: Arc<Health>,
}

/// A connection at work.
pub(super) struct Conversation {
    framed: Framed,
    encoder: Encoder,
    peer: Arc<Peer>,
    seat: Arc<Seat>,
    around: Surroundings,
    questions: u64,
}

impl Conversation {
    pub(super) fn new(link: ByteLink, seat: Arc<Seat>, around: Surroundings) -> Self {
        let IpcConfig {
            crc32_variant,
            max_frame_bytes,
            ..
        } = around.settings.ipc;
        let peer = Arc::new(link.peer.clone());
        Self {
            framed: Framed::new(link, Decoder::new(crc32_variant, max_frame_bytes)),
            encoder: Encoder::new(crc32_variant, max_frame_bytes),
            peer,
            seat,
            around,
            questions: 0,
        }
    }

    /// A conversation of no listener, which nobody else ends or counts.
    pub(super) fn alone(link: ByteLink, settings: Settings, handler: Handler) -> Self {
        let health = Health::new(link.peer.backend);
        let around = Surroundings {
            settings: Arc::new(settings),
            handler,
            counters: Arc::default(),
            health: Arc::new(health),
        };
        Self::new(link, Arc::default(), around)
    }

    /// Answers until the peer closes, something goes wrong, or the connection shall end.
    pub(super) async fn run(mut self) {
        let result = self.converse().await;
        if let Err(error) = result {
            self.around.counters.failed(&error);
            // Who never asked anything has not begun to talk.
            match self.questions {
                0 => self.around.health.handshake_failed(&error),
                _ => self.around.health.failed(&error),
            }
            tracing::debug!(%error, peer = %self.peer.principal().name, "an exchange ended");
        }
        self.framed.close();
    }

    async fn converse(&mut self) -> Result<(), ServeError> {
        if !self.first_begun().await? {
            return Ok(());
        }
        loop {
            if !self.seat.begin() {
                return Ok(());
            }
            self.exchange().await?;
            let goes_on = self.seat.rest(clock::now());
            if !goes_on || !self.framed.begun().await.map_err(ConnectionError::Io)? {
                return Ok(());
            }
            // A peer that always has another question does not keep the thread.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Waits for the first question; false if the peer goes without one.
    async fn first_begun(&mut self) -> Result<bool, ConnectionError> {
        let limit = self.around.settings.ipc.accept_timeout;
        match tokio::time::timeout(limit, self.framed.begun()).await {
            Ok(begun) => Ok(begun?),
            Err(_) => Err(ConnectionError::Silent { limit }),
        }
    }

    /// Reads one question and answers it.
    async fn exchange(&mut self) -> Result<(), ServeError> {
        let Surroundings {
            settings,
            counters,
            health,
            ..
        } = &self.around;
        let reading = Patience::new(settings.ipc.read_timeout);
        let question = self.framed.finish(reading).await?;
        counters.frames.increment();
        counters.bytes_received.add(HEADER_BYTES + question.len());
        self.questions += 1;
        if self.questions == 1 {
            health.accepted();
        }
        // Until the answer was given.
        let _place = self.admit().await?;
        let read = clock::now();
        let turn = self.turn().await?;
        let began = clock::now();
        let answer = self.handle(question, turn).await?;
        let handled = clock::now();
        let header = self.encoder.header(&answer).map_err(ServeError::Answer)?;
        let patience = Patience::new(settings.ipc.write_timeout);
        let written = self.framed.write(header, &answer, patience, &mut 0).await;
        if let Some(stalled) = stall(&written) {
            health.write_stalled(stalled);
        }
        written?;
        counters.answered.increment();
        counters.bytes_sent.add(HEADER_BYTES + answer.len());
        health.answered(handled, began - read, handled - began);
        Ok(())
    }

    /// Lets the question be answered, or ends the connection: with a word only as the first answer,
    /// where peers know it.
    async fn admit(&self) -> Result<Place, ServeError> {
        let Settings { ipc, rights, .. } = &*self.around.settings;
        let Some(rights) = rights else {
            return Ok(Place::default());
        };
        let admitted = rights.admit(&self.peer);
        if let (Err(ServeError::TooMuch { retry_after }), 1) = (&admitted, self.questions) {
            let patience = Patience::new(ipc.write_timeout);
            let header = Header::busy(*retry_after);
            self.framed.write(header, &[], patience, &mut 0).await?;
        }
        admitted
    }

    /// Waits for the handler, no longer than it may then take.
    async fn turn(&self) -> Result<Turn, ServeError> {
        let limit = self.around.settings.handler_timeout;
        let turn = tokio::time::timeout(limit, self.around.handler.turn()).await;
        turn.map_err(|_| ServeError::NoThread { limit })
    }

    /// Has the handler answer, within its time.
    async fn handle(&self, question: Bytes, turn: Turn) -> Result<Bytes, ServeError> {
        let context = Context {
            peer: Arc::clone(&self.peer),
            number: self.questions,
        };
        let handler = &self.around.handler;
        let handling = catch_unwind(AssertUnwindSafe(|| handler.answer(question, context, turn)));
        let mut handling = handling.map_err(panicked)?;
        let answering = poll_fn(|cx| poll_safely(&mut handling, cx));
        let limit = self.around.settings.handler_timeout;
        match tokio::time::timeout(limit, answering).await {
            Ok(answer) => answer,
            Err(_) => Err(ServeError::HandlerTimedOut { limit }),
        }
    }
}

/// How long the peer took nothing, if it did.
fn stall(written: &Result<Duration, ConnectionError>) -> Option<Duration> {
    match written {
        Ok(stalled) => Some(*stalled).filter(|stalled| !stalled.is_zero()),
        Err(ConnectionError::WriteStalled { limit } | ConnectionError::WriteTooSlow { limit }) => {
            Some(*limit)
        }
        Err(_) => None,
    }
}

fn poll_safely(
    handling: &mut Handling,
    cx: &mut TaskContext<'_>,
) -> Poll<Result<Bytes, ServeError>> {
    match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
        Ok(poll) => poll.map_err(ServeError::Question),
        Err(panic) => Poll::Ready(Err(panicked(panic))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn panicked(panic: Box<dyn Any + Send>) -> ServeError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    ServeError::HandlerPanicked {
        message: text.unwrap_or("without a message").to_owned(),
    }
}
