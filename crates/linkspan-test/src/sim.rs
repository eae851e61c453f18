//! Two sessions in simulated time: no socket, no task, no sleep.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use proto::message::{Request, Response, Status};
use proto::session::{Closed, EndError, Incoming, Send, Session};
use proto::{Config, Role, StreamId};

/// Two sessions with a perfect wire between them and a clock of their own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pair {
    /// The side that offered.
    pub client: End,
    /// The side that chose.
    pub server: End,
    /// The time, for both.
    pub now: Instant,
}

/// One side of a [`Pair`].
#[derive(Debug)]
#[non_exhaustive]
pub struct End {
    /// The session.
    pub session: Session<&'static str>,
    /// Everything that was received and concerns the application, in its order.
    pub received: Vec<Incoming>,
    /// Streams that closed, in no particular order.
    pub closed: Vec<Closed<&'static str>>,
    /// Why the session ended, once it did.
    pub error: Option<EndError>,
    /// Bytes on their way to this side.
    pub wire: BytesMut,
    /// How it treats what arrives.
    pub mode: Mode,
}

/// How an [`End`] treats what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// It reads all at once.
    Reads,
    /// It receives all, but reads no chunk and no event, so that their credit does not go back.
    Hoards,
    /// It receives nothing; bytes pile up on the wire.
    Deaf,
    /// It neither receives nor sends nor looks at the clock, as after SIGSTOP.
    Stopped,
}

impl Pair {
    /// Two sessions with default configuration, past their handshake.
    pub fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    /// Two sessions with changed configuration, past their handshake.
    pub fn with(client: impl FnOnce(&mut Config), server: impl FnOnce(&mut Config)) -> Self {
        let mut pair = Self::unopened(client, server);
        pair.drive();
        pair
    }

    /// Two sessions that have not exchanged anything yet.
    pub fn unopened(client: impl FnOnce(&mut Config), server: impl FnOnce(&mut Config)) -> Self {
        let config = |change: &mut dyn FnMut(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config
        };
        let (mut client, mut server) = (Some(client), Some(server));
        let client = config(&mut |config| client.take().expect("called once")(config));
        let server = config(&mut |config| server.take().expect("called once")(config));
        Self {
            client: End::new(Session::new(Role::Client, client, [1; 32])),
            server: End::new(Session::new(Role::Server, server, [2; 32])),
            now: Instant::now(),
        }
    }

    /// Moves bytes both ways until nothing moves any more.
    pub fn drive(&mut self) {
        while self.step() {}
        self.client.reap();
        self.server.reap();
    }

    /// Moves bytes both ways once; says whether there were any.
    pub fn step(&mut self) -> bool {
        let sent = self.client.transmit(&mut self.server) | self.server.transmit(&mut self.client);
        let received = self.client.receive(self.now) | self.server.receive(self.now);
        sent | received
    }

    /// Lets time pass, stopping wherever a session wants to do something.
    pub fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        self.drive();
        loop {
            let due = [&self.client, &self.server]
                .into_iter()
                .filter_map(End::due)
                .min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
            self.drive();
        }
        self.now = end;
    }

    /// Lets time pass at once, as when the machine was suspended.
    pub fn oversleep(&mut self, by: Duration) {
        self.now += by;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        self.drive();
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl End {
    fn new(session: Session<&'static str>) -> Self {
        Self {
            session,
            received: Vec::new(),
            closed: Vec::new(),
            error: None,
            wire: BytesMut::new(),
            mode: Mode::Reads,
        }
    }

    /// The sending half.
    ///
    /// # Panics
    ///
    /// Before the handshake is through.
    pub fn send(&mut self) -> &mut Send<&'static str> {
        self.session.send().expect("the session is open")
    }

    /// Opens a stream.
    ///
    /// # Panics
    ///
    /// If it cannot be opened now.
    pub fn open(&mut self, now: Instant, request: Request, end: bool) -> StreamId {
        self.send()
            .open(now, request, end)
            .expect("the stream can be opened")
    }

    /// Answers a request with a body, and ends the stream.
    ///
    /// # Panics
    ///
    /// If the stream is closed.
    pub fn answer(&mut self, stream: StreamId, body: impl Into<Bytes>) {
        let response = Response::new(Status::Ok, body.into());
        self.send()
            .respond(stream, response, true)
            .expect("the stream is open");
    }

    /// Takes what was received since the last call.
    pub fn take_received(&mut self) -> Vec<Incoming> {
        std::mem::take(&mut self.received)
    }

    /// Streams of the requests that were received since the last call.
    pub fn take_requests(&mut self) -> Vec<StreamId> {
        let stream = |incoming| match incoming {
            Incoming::Request { stream, .. } => Some(stream),
            _ => None,
        };
        self.take_received()
            .into_iter()
            .filter_map(stream)
            .collect()
    }

    /// Bodies of the responses that were received since the last call, by stream.
    pub fn take_responses(&mut self) -> Vec<(StreamId, Bytes)> {
        let answer = |incoming| match incoming {
            Incoming::Response {
                stream, response, ..
            } => Some((stream, response.body)),
            _ => None,
        };
        self.take_received()
            .into_iter()
            .filter_map(answer)
            .collect()
    }

    /// Bytes of the chunks that were received so far on `stream`.
    pub fn chunk_bytes(&self, stream: StreamId) -> usize {
        let size = |incoming: &Incoming| match incoming {
            Incoming::Chunk {
                stream: id, chunk, ..
            } if *id == stream => chunk.body.len(),
            _ => 0,
        };
        self.received.iter().map(size).sum()
    }

    fn due(&self) -> Option<Instant> {
        self.session
            .poll_timeout()
            .filter(|_| self.error.is_none() && self.mode != Mode::Stopped)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.error.is_none()
            && self.mode != Mode::Stopped
            && let Err(error) = self.session.handle_timeout(now)
        {
            self.error = Some(error);
        }
        self.reap();
    }

    fn transmit(&mut self, to: &mut Self) -> bool {
        if self.mode == Mode::Stopped {
            return false;
        }
        let mut sent = Vec::new();
        self.session.poll_transmit(&mut sent);
        to.wire.extend_from_slice(&sent);
        !sent.is_empty()
    }

    fn receive(&mut self, now: Instant) -> bool {
        let receives = matches!(self.mode, Mode::Reads | Mode::Hoards);
        if !receives || self.error.is_some() || self.wire.is_empty() {
            return false;
        }
        let before = self.wire.len();
        self.error = self.session.handle_bytes(now, &mut self.wire).err();
        while let Some(incoming) = self.session.poll_incoming() {
            self.note(incoming);
        }
        self.reap();
        self.wire.len() < before
    }

    fn note(&mut self, incoming: Incoming) {
        let read = match &incoming {
            Incoming::Chunk { stream, bytes, .. } | Incoming::Event { stream, bytes, .. } => {
                Some((*stream, *bytes))
            }
            Incoming::Credit { .. } | Incoming::Heartbeat(_) | Incoming::Ignored { .. } => return,
            _ => None,
        };
        if let Some((stream, bytes)) = read.filter(|_| self.mode == Mode::Reads) {
            self.send().consume(stream, bytes);
        }
        self.received.push(incoming);
    }

    fn reap(&mut self) {
        if let Ok(send) = self.session.send() {
            self.closed.extend(std::iter::from_fn(|| send.reap()));
        }
    }
}
