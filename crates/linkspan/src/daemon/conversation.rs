//! The daemon's side of one connection: the version check, and then whatever the client says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use crate::daemon::CancelCause;
use crate::daemon::connection::Connection;
use crate::daemon::control;
use crate::daemon::core::{Core, NotBegun};
use crate::daemon::error::{ConnectionError, DelimitedDecodeError};
use crate::daemon::input::Input;
use crate::daemon::outlet::{Fault, Outlet};
use crate::daemon::running::{Client, Running};
use crate::daemon::wire::{
    self, Busy, Chunk, Decoder, Exit, FromClient, FromDaemon, Kind, Outcome, Refusal, Role,
};
use crate::transport::{ByteLink, Health, RETRY_AFTER};

/// A connection at work.
pub(super) struct Conversation {
    core: Arc<Core>,
    connection: Arc<Connection>,
    /// Its number among all, if it has a place.
    place: Option<u64>,
    input: Input,
    client: Client,
    /// The daemon that the client means, if that is another.
    other_daemon: Option<String>,
}

impl Conversation {
    pub(super) fn new(link: ByteLink, core: Arc<Core>) -> Self {
        let decoder = Decoder::new(core.config.limits());
        let crowd = Arc::clone(&core.crowd);
        let client = Client {
            peer: Arc::new(link.peer),
            stream_credit: 0,
        };
        Self {
            core,
            place: None,
            connection: Arc::new(Connection::new(Arc::new(Outlet::new(link.writer, crowd)))),
            input: Input::new(link.reader, decoder),
            client,
            other_daemon: None,
        }
    }

    /// Serves until the client closes, something goes wrong, or the connection shall end.
    pub(super) async fn run(mut self, health: &Health) {
        let connection = Arc::clone(&self.connection);
        self.place = Some(self.core.enter(Arc::clone(&connection)));
        let result = tokio::select! {
            fault = connection.outlet.drive() => broken(fault),
            () = connection.ending() => {
                self.farewell().await;
                Ok(())
            }
            result = self.talk(health) => result,
        };
        self.note(result.as_ref().err());
        if let Err(ConnectionError::Frame(DelimitedDecodeError::TooLarge { bytes, .. })) = result
            && self.input.is_at(Kind::Command)
        {
            self.refuse_command(bytes).await;
        }
    }

    /// Tells a client that its command is longer than what is taken. Nothing of it is read, so its
    /// number is not known, and the connection ends.
    async fn refuse_command(&mut self, bytes: u32) {
        let limit = self.core.config.max_command_bytes;
        let message = format!("command of {bytes} bytes exceeds the limit of {limit} bytes");
        let refusal = Refusal::Other;
        let exit = Exit::new(NO_COMMAND, Outcome::Refused { refusal, message });
        self.connection.outlet.send([FromDaemon::Exit(exit)]);
        self.farewell().await;
        self.connection.lose();
        // One that is still writing would not come to read the answer.
        let discarding = async { while self.input.discard().await.is_ok_and(|read| read > 0) {} };
        tokio::time::timeout(FAREWELL, discarding).await.ok();
    }

    /// Tells a client that there is no place for it, and answers what it asks about the daemon.
    pub(super) async fn refuse(mut self, limit: usize) {
        let connection = Arc::clone(&self.connection);
        let busy = Busy::new(None, RETRY_AFTER, format!("{limit} connections"));
        let talking = tokio::time::timeout(REFUSAL, self.talk_without_place(busy));
        let result = tokio::select! {
            fault = connection.outlet.drive() => broken(fault),
            result = talking => result.unwrap_or(Ok(())),
        };
        self.note(result.as_ref().err());
    }

    fn note(&self, error: Option<&ConnectionError>) {
        if let Some(error) = error {
            self.core.counters.failed(error);
            let peer = self.client.peer.principal().name;
            debug!(%error, peer, "a connection ended");
        }
    }

    /// Gives a client that reads the time to get what was sent.
    async fn farewell(&self) {
        let outlet = &self.connection.outlet;
        let all = outlet.flushed(outlet.mark());
        let driving = async { drop(outlet.drive().await) };
        let sent = async {
            tokio::select! {
                _ = all => {}
                () = driving => {}
            }
        };
        tokio::time::timeout(FAREWELL, sent).await.ok();
    }

    /// Listens to the client, until it closes.
    async fn talk(&mut self, health: &Health) -> Result<(), ConnectionError> {
        self.introduce(None);
        if let Err(error) = self.open().await {
            health.handshake_failed(&error);
            return Err(error);
        }
        health.accepted();
        let heard = self.listen(Self::handle).await;
        heard.inspect_err(|error| health.failed(error))
    }

    async fn talk_without_place(&mut self, busy: Busy) -> Result<(), ConnectionError> {
        self.introduce(Some(busy));
        self.open().await?;
        // A client may have sent a command before it read that there is no place.
        self.listen(|_, _| Ok(())).await
    }

    fn introduce(&self, busy: Option<Busy>) {
        let check = FromDaemon::VersionCheck(Box::new(self.core.version_check()));
        let messages = [check].into_iter().chain(busy.map(FromDaemon::Busy));
        self.connection.outlet.send(messages);
    }

    /// Answers questions about the daemon, and has everything else handled.
    async fn listen(
        &mut self,
        handle: impl Fn(&Self, FromClient) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        while let Some(message) = self.next().await? {
            match message {
                FromClient::Control(request) => {
                    control::answer(&self.core, &self.connection, &self.client.peer, &request);
                }
                message => handle(self, message)?,
            }
        }
        Ok(())
    }

    /// Reads the client's version check.
    async fn open(&mut self) -> Result<(), ConnectionError> {
        let limit = self.core.config.handshake_timeout;
        let first = tokio::time::timeout(limit, self.next()).await;
        let first = first.map_err(|_| ConnectionError::Silent { limit })??;
        let Some(FromClient::VersionCheck(check)) = first else {
            return Err(ConnectionError::Unopened);
        };
        if check.role != Role::Client {
            return Err(ConnectionError::Role { role: check.role });
        }
        let own = self.core.version_check();
        if own.agree(&check).is_some() {
            self.input.open();
        }
        let chunk_bytes = self.core.config.chunk_bytes;
        self.connection.outlet.set_limits(check.limits, chunk_bytes);
        self.client.stream_credit = check.stream_credit;
        let is_other = !check.daemon_id.is_empty() && check.daemon_id != own.daemon_id;
        self.other_daemon = is_other.then_some(check.daemon_id);
        Ok(())
    }

    /// The client's next message; nothing when it has closed.
    async fn next(&mut self) -> Result<Option<FromClient>, ConnectionError> {
        loop {
            if let Some(frame) = self.input.next_frame()? {
                match FromClient::decode(frame)? {
                    // One of a later version, that may be ignored.
                    None => continue,
                    message => return Ok(message),
                }
            }
            self.connection.outlet.has_room().await;
            // A client that always has more does not keep the thread.
            tokio::task::coop::consume_budget().await;
            if self.read().await? == 0 {
                return match self.input.is_inside_frame() {
                    true => Err(ConnectionError::Truncated),
                    false => Ok(None),
                };
            }
        }
    }

    /// Reads more; an idle connection gives its memory back while it waits.
    async fn read(&mut self) -> io::Result<usize> {
        if self.input.is_large() {
            match tokio::time::timeout(KEPT, self.input.fill()).await {
                Ok(read) => return read,
                Err(_) => self.input.shrink(),
            }
        }
        self.input.fill().await
    }

    fn handle(&self, message: FromClient) -> Result<(), ConnectionError> {
        match message {
            FromClient::Command(command) => return self.begin(*command),
            FromClient::Stdin(Chunk { command, data, .. }) => {
                if let Some(running) = self.connection.command(command)? {
                    running.stdin.receive(data)?;
                }
            }
            FromClient::Credit(credit) => {
                if let Some(running) = self.connection.command(credit.command)?
                    && !running.grant(credit.stream, credit.bytes)
                {
                    let stream = credit.stream;
                    return Err(ConnectionError::Credit { stream });
                }
            }
            FromClient::Cancel(cancel) => {
                if let Some(running) = self.connection.command(cancel.command)? {
                    running.cancel(CancelCause::Client(cancel.reason));
                }
            }
            FromClient::Resize(resize) => {
                if let Some(running) = self.connection.command(resize.command)? {
                    running.resize(resize.size);
                }
            }
            FromClient::Signal(signal) => {
                if let Some(running) = self.connection.command(signal.command)? {
                    running.signal(signal.signal);
                }
            }
            // The decoder lets no second version check through; control is answered before.
            FromClient::VersionCheck(_) | FromClient::Control(_) => {}
        }
        Ok(())
    }

    /// Begins a command, or tells why not.
    fn begin(&self, command: wire::Command) -> Result<(), ConnectionError> {
        let number = command.command;
        self.connection.number(number)?;
        let refused = |refusal, message: String| {
            let outcome = Outcome::Refused { refusal, message };
            FromDaemon::Exit(Exit::new(number, outcome))
        };
        if let Some(other) = &self.other_daemon {
            let message = format!("this is daemon {}, not {other}", self.core.facts.daemon_id);
            let answer = refused(Refusal::Other, message);
            self.connection.outlet.send([answer]);
            return Ok(());
        }
        let answer = match self.core.begin(&command, &self.client.peer) {
            Ok(slot) => {
                Running::begin(&self.core, &self.connection, &self.client, command, slot);
                return Ok(());
            }
            Err(NotBegun::Refused(refusal, message)) => refused(refusal, message),
            Err(NotBegun::Busy(retry_after, reason)) => {
                FromDaemon::Busy(Busy::new(Some(number), retry_after, reason))
            }
        };
        self.connection.outlet.send([answer]);
        Ok(())
    }
}

/// However it ends, also with the whole daemon: its commands are cancelled.
impl Drop for Conversation {
    fn drop(&mut self) {
        self.connection.lose();
        if let Some(place) = self.place {
            self.core.leave(place);
        }
    }
}

fn broken(fault: Fault) -> Result<(), ConnectionError> {
    match fault {
        Fault::Closed => Ok(()),
        Fault::Broken(error) => Err(error.into()),
        Fault::Unsendable(error) => Err(error.into()),
    }
}

/// What an exit is about that is about no command whose number is known.
const NO_COMMAND: u32 = 0;
/// How long a client without a place may ask about the daemon.
const REFUSAL: Duration = Duration::from_secs(5);
/// How long what was sent may take to reach a client when the daemon ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long an idle connection keeps what it used for reading.
const KEPT: Duration = Duration::from_secs(1);
