//! One connection to a daemon, and the commands on it.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::daemon::client::framed::{Incoming, Outgoing};
use crate::daemon::client::slot::{End, Event, Slot};
use crate::daemon::client::{ClientError, Lost, ProtocolError};
use crate::daemon::wire::{
    Busy, Cancel, CancelReason, Command, ControlReply, ControlRequest, FromClient, FromDaemon,
    Limits, RequestId, Stream, VersionCheck,
};
use crate::transport::{ByteLink, Peer};

/// A connection after both sides have said who they are.
///
/// Dropping it closes it; commands that still run on it are cancelled by the daemon.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What the daemon said about itself.
    pub(crate) daemon: VersionCheck,
    /// Who it is by the kernel's word.
    pub(crate) peer: Peer,
    stream_credit: u64,
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<FromClient>,
    driver: JoinHandle<()>,
}

/// What the connection's task and its users have in common.
#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u32,
    commands: HashMap<u32, Arc<Slot>>,
    questions: VecDeque<oneshot::Sender<ControlReply>>,
    /// Why no command is taken on this connection.
    busy: Option<Busy>,
    /// Why nothing comes any more.
    lost: Option<Lost>,
}

impl Connection {
    /// Exchanges version checks; not longer than `limit`.
    pub(crate) async fn open(
        link: ByteLink,
        ours: VersionCheck,
        limit: Duration,
    ) -> Result<Self, ClientError> {
        let mut incoming = Incoming::new(link.reader, ours.limits);
        let mut outgoing = Outgoing::new(link.writer);
        let stream_credit = ours.stream_credit;
        let opening = greet(&mut incoming, &mut outgoing, &ours);
        let daemon = match tokio::time::timeout(limit, opening).await {
            Ok(daemon) => daemon.map_err(|error| ClientError::Lost(Lost::by(&error)))?,
            Err(_) => return Err(ClientError::Silent { limit }),
        };
        if ours.agree(&daemon).is_some() {
            incoming.open();
            outgoing.open(daemon.limits);
        }
        let shared = Arc::new(Shared::default());
        let (sender, wishes) = mpsc::channel(WISHES);
        let driver = drive(incoming, outgoing, wishes, Arc::clone(&shared));
        Ok(Self {
            daemon,
            peer: link.peer,
            stream_credit,
            shared,
            outgoing: sender,
            driver: tokio::spawn(driver),
        })
    }

    /// Asks the daemon to run a command. Its number is given here.
    pub(crate) async fn start(&self, mut command: Command) -> Result<Running<'_>, ClientError> {
        self.check(&command)?;
        let slot = Arc::new(Slot::new(self.stream_credit));
        let permit = self.outgoing.reserve().await;
        // Numbers have to grow on the way, so giving one and sending it is one step.
        let mut state = self.shared.lock();
        let number = state.last.saturating_add(1);
        state.last = number;
        command.command = number;
        match (permit, state.hindrance()) {
            (Ok(permit), None) => {
                state.commands.insert(number, Arc::clone(&slot));
                permit.send(FromClient::Command(Box::new(command)));
            }
            (_, Some(end)) => slot.push(Event::End(end)),
            (Err(_), None) => slot.push(Event::End(End::Lost(Lost::closed()))),
        }
        drop(state);
        Ok(Running {
            connection: self,
            number,
            slot,
        })
    }

    /// Asks the daemon about itself; nothing if it closes instead of answering.
    pub(crate) async fn control(&self, request: ControlRequest) -> Option<ControlReply> {
        let answer = self.shared.ask()?;
        self.outgoing
            .send(FromClient::Control(request))
            .await
            .ok()?;
        answer.await.ok()
    }

    /// The daemon's process, by the kernel's word where it gives it.
    pub(crate) fn pid(&self) -> Option<u32> {
        let credentials = self.peer.credentials;
        credentials.and_then(|peer| peer.pid).or(self.daemon.pid)
    }

    /// Whether anything may still come of it.
    pub(crate) fn is_open(&self) -> bool {
        !self.outgoing.is_closed()
    }

    /// Waits until the daemon has closed the connection.
    pub(crate) async fn closed(&self) {
        self.outgoing.closed().await;
    }

    /// A command beyond the daemon's limit is refused before anything of it is sent: what comes
    /// after it on the connection must not suffer.
    fn check(&self, command: &Command) -> Result<(), ClientError> {
        let mut probe = proto::frame::Segments::new();
        let encoder = crate::daemon::wire::Encoder::new(self.limits());
        FromClient::Command(Box::new(command.clone())).encode(&encoder, &mut probe)?;
        Ok(())
    }

    fn limits(&self) -> Limits {
        self.daemon.limits
    }
}

impl State {
    /// Why no command can be begun.
    fn hindrance(&self) -> Option<End> {
        let lost = self.lost.clone().map(End::Lost);
        lost.or_else(|| self.busy.clone().map(End::Busy))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A command on its way.
///
/// Dropping it before its end cancels the command.
#[derive(Debug)]
pub(crate) struct Running<'a> {
    connection: &'a Connection,
    pub(crate) number: u32,
    slot: Arc<Slot>,
}

impl Running<'_> {
    /// What the daemon says next about the command.
    pub(super) async fn next(&self) -> Event {
        self.slot.next().await
    }

    /// Says something to the daemon. When it is gone, the next event says so.
    pub(super) async fn send(&self, message: FromClient) {
        self.connection.outgoing.send(message).await.ok();
    }

    /// Lets the daemon send so much more of a stream.
    pub(super) async fn grant(&self, stream: Stream, bytes: u64) {
        self.slot.grant(stream, bytes);
        let credit = crate::daemon::wire::Credit::new(self.number, stream, bytes);
        self.send(FromClient::Credit(credit)).await;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let slot = self.connection.shared.lock().commands.remove(&self.number);
        if slot.is_some() {
            let cancel = Cancel::new(self.number, CancelReason::Other);
            // Without room the connection has other troubles.
            let cancel = FromClient::Cancel(cancel);
            self.connection.outgoing.try_send(cancel).ok();
        }
    }
}

/// A new name for an intention.
pub(crate) fn request_id() -> Result<RequestId, ClientError> {
    os::random_bytes()
        .map(RequestId)
        .map_err(|source| ClientError::Io {
            action: "choose a request id",
            source,
        })
}

async fn greet(
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
    ours: &VersionCheck,
) -> Result<VersionCheck, ProtocolError> {
    let check = FromClient::VersionCheck(Box::new(ours.clone()));
    // It is far below the least limit that there is.
    outgoing.push(&check).map_err(std::io::Error::other)?;
    outgoing.flush().await?;
    match incoming.next().await? {
        Some(FromDaemon::VersionCheck(check)) => Ok(*check),
        Some(_) => Err(ProtocolError::Order {
            what: "something else than its version check first",
        }),
        None => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
    }
}

/// Moves messages until one side has enough.
async fn drive(
    mut incoming: Incoming,
    mut outgoing: Outgoing,
    mut wishes: mpsc::Receiver<FromClient>,
    shared: Arc<Shared>,
) {
    let lost = loop {
        tokio::select! {
            message = incoming.next() => match message {
                Ok(Some(message)) => if let Err(error) = shared.handle(message) {
                    break Lost::by(&error);
                },
                Ok(None) => break Lost::closed(),
                Err(error) => break Lost::by(&error),
            },
            wish = wishes.recv(), if outgoing.has_room() => match wish {
                // What does not fit was refused before.
                Some(wish) => drop(outgoing.push(&wish)),
                None => return,
            },
            // A daemon that has gone may have sent all that is left to be said.
            flushed = outgoing.flush(), if !outgoing.is_empty() => if flushed.is_err() {
                outgoing.give_up();
            },
        }
    };
    outgoing.close();
    shared.end(&lost);
}

impl Shared {
    fn handle(&self, message: FromDaemon) -> Result<(), ProtocolError> {
        match message {
            FromDaemon::Accepted(accepted) => self.push(accepted.command, Event::Accepted),
            FromDaemon::Stdout(chunk) => {
                return self.data(Stream::Stdout, chunk.command, chunk.data);
            }
            FromDaemon::Stderr(chunk) => {
                return self.data(Stream::Stderr, chunk.command, chunk.data);
            }
            FromDaemon::Credit(credit) => {
                self.push(credit.command, Event::StdinCredit(credit.bytes));
            }
            FromDaemon::CommandError(error) => self.push(error.command, Event::Error(error)),
            FromDaemon::Exit(exit) => self.finish(exit.command, End::Exit(exit.outcome)),
            FromDaemon::Busy(busy) => self.busy(busy),
            FromDaemon::Control(reply) => {
                let question = self.lock().questions.pop_front();
                if let Some(question) = question {
                    question.send(*reply).ok();
                }
            }
            FromDaemon::VersionCheck(_) => {
                return Err(ProtocolError::Order {
                    what: "a second version check",
                });
            }
        }
        Ok(())
    }

    fn data(&self, stream: Stream, command: u32, data: bytes::Bytes) -> Result<(), ProtocolError> {
        let slot = self.lock().commands.get(&command).cloned();
        match slot {
            Some(slot) if !slot.push_data(stream, data) => Err(ProtocolError::Excess),
            _ => Ok(()),
        }
    }

    fn push(&self, command: u32, event: Event) {
        let slot = self.lock().commands.get(&command).cloned();
        if let Some(slot) = slot {
            slot.push(event);
        }
    }

    fn finish(&self, command: u32, end: End) {
        let slot = self.lock().commands.remove(&command);
        if let Some(slot) = slot {
            slot.push(Event::End(end));
        }
    }

    /// Gets in line for an answer, if there will be any.
    fn ask(&self) -> Option<oneshot::Receiver<ControlReply>> {
        let mut state = self.lock();
        if state.lost.is_some() {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        state.questions.push_back(sender);
        Some(answer)
    }

    fn busy(&self, busy: Busy) {
        match busy.command {
            Some(command) => self.finish(command, End::Busy(busy)),
            None => {
                let waiting = {
                    let mut state = self.lock();
                    state.busy = Some(busy.clone());
                    std::mem::take(&mut state.commands)
                };
                for slot in waiting.into_values() {
                    slot.push(Event::End(End::Busy(busy.clone())));
                }
            }
        }
    }

    fn end(&self, lost: &Lost) {
        let (commands, questions) = {
            let mut state = self.lock();
            state.lost = Some(lost.clone());
            let commands = std::mem::take(&mut state.commands);
            (commands, std::mem::take(&mut state.questions))
        };
        drop(questions);
        for slot in commands.into_values() {
            slot.push(Event::End(End::Lost(lost.clone())));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages that wait for the connection's task.
const WISHES: usize = 64;
