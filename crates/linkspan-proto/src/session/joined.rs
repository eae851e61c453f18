//! Both halves in one value, for drivers that have one owner.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use thiserror::Error;

use crate::codec::Decoder;
use crate::config::Config;
use crate::error::{HandshakeError, SendError, SessionError};
use crate::frame::{Frame, Segments};
use crate::message::Failure;
use crate::session::{Agreement, Handshake, Incoming, Recv, Send, Transmit};
use crate::stream_id::Role;

/// A whole session over bytes: opening, both halves, decoding.
///
/// The loop that drives it: feed what was received to [`handle_bytes`](Self::handle_bytes), act on
/// every [`poll_incoming`](Self::poll_incoming), send what [`poll_transmit`](Self::poll_transmit)
/// gives, and call [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout). The crate's documentation shows it. Nobody proves anything
/// here: ways to authenticate are neither offered nor asked for.
#[derive(Debug)]
pub struct Session<A = ()> {
    decoder: Decoder,
    state: State<A>,
    incoming: VecDeque<Incoming>,
}

#[derive(Debug)]
enum State<A> {
    Opening {
        handshake: Box<Handshake>,
        refusal: Option<Frame>,
    },
    Open {
        recv: Recv,
        send: Box<Send<A>>,
        agreement: Box<Agreement>,
        opening: Segments,
    },
}

impl<A> Session<A> {
    /// Starts a session; `nonce` must be random.
    pub fn new(role: Role, mut config: Config, nonce: [u8; 32]) -> Self {
        config.auth.clear();
        let handshake = Box::new(Handshake::new(role, config, nonce));
        Self {
            decoder: Decoder::handshake(),
            state: State::Opening {
                handshake,
                refusal: None,
            },
            incoming: VecDeque::new(),
        }
    }

    /// Takes all complete frames from the front of `input`.
    ///
    /// # Errors
    ///
    /// Why the session is over. The peer is told by the last [`poll_transmit`](Self::poll_transmit).
    pub fn handle_bytes(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), EndError> {
        let result = self.decode_all(now, input);
        if let Err(error) = &result {
            self.tell_peer(error);
        }
        result
    }

    /// What the agreement is, once there is one.
    pub fn agreement(&self) -> Option<&Agreement> {
        match &self.state {
            State::Opening { .. } => None,
            State::Open { agreement, .. } => Some(agreement),
        }
    }

    /// What was received next.
    pub fn poll_incoming(&mut self) -> Option<Incoming> {
        self.incoming.pop_front()
    }

    /// Puts what is to be sent now at the end of `out`.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) {
        match &mut self.state {
            State::Opening { handshake, refusal } => {
                let mut segments = Segments::new();
                for frame in handshake.poll_transmit().into_iter().chain(refusal.take()) {
                    Handshake::encode(&frame, &mut segments);
                }
                out.put(segments);
            }
            State::Open { send, opening, .. } => {
                out.put(opening);
                let mut transmit = Transmit::bytes();
                while send.poll_transmit(&mut transmit) {
                    send.handle_written(transmit.remaining_bytes());
                    transmit.write_to(out);
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Opening { .. } => None,
            State::Open { send, .. } => send.poll_timeout(),
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// [`EndError::Session`] if the peer has to be given up.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), EndError> {
        match &mut self.state {
            State::Opening { .. } => Ok(()),
            State::Open { send, .. } => Ok(send.handle_timeout(now)?),
        }
    }

    /// The sending half, once the session is open.
    ///
    /// # Errors
    ///
    /// [`SendError::Blocked`] until then.
    pub fn send(&mut self) -> Result<&mut Send<A>, SendError> {
        match &mut self.state {
            State::Opening { .. } => Err(SendError::Blocked),
            State::Open { send, .. } => Ok(send),
        }
    }

    /// Accepts no new streams, and says so.
    pub fn goodbye(&mut self, reason: &str) {
        if let State::Open { recv, send, .. } = &mut self.state {
            send.goodbye(recv.stop_accepting(), reason);
        }
    }

    fn decode_all(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), EndError> {
        loop {
            let frame = self
                .decoder
                .decode(input)
                .map_err(|error| match &self.state {
                    State::Opening { .. } => EndError::Handshake(error.into()),
                    State::Open { .. } => EndError::Session(error.into()),
                })?;
            let Some(frame) = frame else { return Ok(()) };
            self.handle_frame(now, frame)?;
        }
    }

    fn handle_frame(&mut self, now: Instant, frame: Frame) -> Result<(), EndError> {
        match &mut self.state {
            State::Opening { handshake, .. } => {
                if let Some(agreement) = handshake.handle_frame(frame)? {
                    self.establish(now, agreement);
                }
            }
            State::Open { recv, send, .. } => {
                let incoming = recv.handle_frame(now, frame)?;
                send.apply(now, &incoming)?;
                self.incoming.push_back(incoming);
            }
        }
        Ok(())
    }

    fn establish(&mut self, now: Instant, agreement: Agreement) {
        let mut opening = Segments::new();
        if let State::Opening { handshake, .. } = &mut self.state
            && let Some(choice) = handshake.poll_transmit()
        {
            // A server's choice is still to be sent, before all else.
            Handshake::encode(&choice, &mut opening);
        }
        self.decoder = agreement.decoder();
        self.state = State::Open {
            recv: agreement.recv(),
            send: Box::new(agreement.send_bytes(now)),
            agreement: Box::new(agreement),
            opening,
        };
    }

    fn tell_peer(&mut self, error: &EndError) {
        let Some(failure) = error.to_failure() else {
            return;
        };
        match &mut self.state {
            State::Opening { handshake, refusal } => {
                *refusal = Some(handshake.refuse(failure));
            }
            State::Open { send, .. } => send.end_session(failure),
        }
    }
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndError {
    /// It never began.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// It broke.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl EndError {
    fn to_failure(&self) -> Option<Failure> {
        match self {
            Self::Handshake(error) => error.to_failure(),
            Self::Session(error) => error.to_failure(),
        }
    }
}
