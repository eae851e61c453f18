//! A client's way to its broker: made again when it is lost, with the name and all subscriptions.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::error::Code;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, info};

use crate::bus::client::answering::{Answering, Turn};
use crate::bus::client::calls::Calls;
use crate::bus::client::inbox::InboxQueue;
use crate::bus::client::records::{Received, Records};
use crate::bus::client::slot::Slot;
use crate::bus::wire::{Attach, Attached, method};
use crate::bus::{ClientConfig, ConnectError};
use crate::clock;
use crate::codec::Codec;
use crate::session::{CallError, Connection, Items, Reconnecting, Request, Response};

/// What all parts of a client have in common.
pub(super) struct Link {
    pub(super) config: ClientConfig,
    attach: Attach,
    reconnecting: Reconnecting,
    state: watch::Sender<State>,
    pub(super) calls: Calls,
    pub(super) inbox: InboxQueue,
    pub(super) answering: Answering,
    slots: Mutex<Vec<Weak<Slot>>>,
}

/// How a client stands with its broker.
#[derive(Debug, Clone)]
enum State {
    Present(Place),
    /// It is coming back.
    Lost,
    /// It does not come back; why.
    Over(Arc<str>),
}

/// A client's place at the broker, by one connection.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) connection: Connection,
    /// Rises with every new one.
    pub(super) epoch: u64,
}

impl Link {
    /// Gets the name for the first time; gives what is sent to it, too.
    pub(super) async fn open(
        config: ClientConfig,
        attach: Attach,
        connection: Connection,
        reconnecting: Reconnecting,
    ) -> Result<(Arc<Self>, Records), ConnectError> {
        let records = match self::attach(&connection, &attach).await {
            Ok(records) => records,
            Err(CallError::Failed(failure)) => return Err(ConnectError::Refused(*failure)),
            Err(error) => return Err(error.into()),
        };
        let place = Place {
            connection,
            epoch: 1,
        };
        let link = Self {
            attach,
            reconnecting,
            state: watch::Sender::new(State::Present(place)),
            calls: Calls::default(),
            inbox: InboxQueue::new(config.inbox_messages),
            answering: Answering::new(config.calls_at_once),
            slots: Mutex::default(),
            config,
        };
        Ok((Arc::new(link), records))
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.attach.name
    }

    /// The place, if there is one now.
    pub(super) fn current(&self) -> Option<Place> {
        match &*self.state.borrow() {
            State::Present(place) if place.connection.is_open() => Some(place.clone()),
            _ => None,
        }
    }

    /// The place, waiting for it until then.
    pub(super) async fn place(&self, until: Instant) -> Result<Place, CallError> {
        if let Some(place) = self.current() {
            return Ok(place);
        }
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| match state {
            State::Present(place) => place.connection.is_open(),
            State::Lost => false,
            State::Over(_) => true,
        });
        let Ok(Ok(settled)) = tokio::time::timeout_at(until.into(), settled).await else {
            return Err(CallError::not_accepted("the broker cannot be reached"));
        };
        match &*settled {
            State::Present(place) => Ok(place.clone()),
            State::Over(reason) => Err(CallError::not_accepted(reason)),
            State::Lost => Err(CallError::not_accepted("the broker cannot be reached")),
        }
    }

    /// Waits until the client has no place any more, or another one.
    pub(super) async fn left(&self, place: &Place) {
        let mut state = self.state.subscribe();
        let is_there =
            |state: &State| matches!(state, State::Present(it) if it.epoch == place.epoch);
        state.wait_for(|state| !is_there(state)).await.ok();
    }

    /// Sends a request to the broker, again if it was never accepted.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        body: &Bytes,
    ) -> Result<Response, CallError> {
        let until = clock::after(clock::now(), self.config.reconnect.patience);
        loop {
            let place = self.place(until).await?;
            let request = Request::new(method, body.clone());
            match place.connection.call(request).await {
                Err(CallError::NotAccepted { .. }) if clock::now() < until => {
                    place.connection.not_open().await;
                }
                answer => return answer,
            }
        }
    }

    /// Remembers a subscription, and has it made again if its place was lost meanwhile.
    pub(super) async fn keep(&self, slot: &Arc<Slot>) {
        {
            let mut slots = self.slots();
            slots.retain(|slot| slot.strong_count() > 0);
            slots.push(Arc::downgrade(slot));
        }
        if let Some(place) = self.current()
            && let Some(wait) = slot.renew(&place).await
        {
            renew_later(Arc::downgrade(slot), place, wait).await;
        }
    }

    /// Ends it for all.
    pub(super) async fn close(&self, limit: Duration) {
        let place = self.current();
        self.end("the client was closed");
        self.reconnecting.give_up();
        if let Some(place) = place {
            let leaving = place
                .connection
                .call(Request::new(method::LEAVE, Bytes::new()));
            // Without an answer the broker sees that the connection ends.
            tokio::time::timeout(limit, leaving).await.ok();
            place.connection.close(limit).await;
        }
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) -> Arc<str> {
        let mut state = self.state.subscribe();
        let over = state.wait_for(|state| matches!(state, State::Over(_)));
        match over.await.as_deref() {
            Ok(State::Over(reason)) => Arc::clone(reason),
            _ => "the client was closed".into(),
        }
    }

    fn end(&self, reason: &str) {
        self.state.send_if_modified(|state| {
            let is_first = !matches!(state, State::Over(_));
            if is_first {
                *state = State::Over(reason.into());
            }
            is_first
        });
        self.calls.lose(reason);
        self.inbox.close();
        self.slots()
            .drain(..)
            .filter_map(|slot| slot.upgrade())
            .for_each(|slot| slot.close());
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(*self.state.borrow(), State::Over(_))
    }
}

/// Keeps a client on the bus, and looks after its calls until this is dropped.
pub(super) async fn supervise(link: Arc<Link>, records: Records) {
    tokio::join!(keep(&link, records), link.calls.look_after());
}

/// Keeps a client on the bus, until it is over.
async fn keep(link: &Arc<Link>, mut records: Records) {
    let mut backoff = link.config.reconnect.backoff();
    let mut epoch = 1;
    // Subscriptions that the broker wants to be had later; if the place is lost, they are had by the next.
    let mut later = JoinSet::new();
    loop {
        let began = clock::now();
        let error = read(link, records).await;
        later.abort_all();
        debug!(%error, name = link.name(), "the place on the bus was lost");
        if link.is_over() {
            return;
        }
        if is_final(&error) {
            return link.end(&error.to_string());
        }
        link.state.send_if_modified(|state| {
            let is_present = matches!(state, State::Present(_));
            if is_present {
                *state = State::Lost;
            }
            is_present
        });
        link.calls.lose("the connection to the broker was lost");
        link.inbox.note_disconnection();
        if clock::now() >= clock::after(began, link.config.reconnect.longest_pause) {
            backoff.reset();
        }
        let connection = loop {
            tokio::time::sleep(link.config.reconnect.next_pause(&mut backoff)).await;
            let until = clock::after(clock::now(), PATIENCE);
            let Ok(connection) = link.reconnecting.get(until).await else {
                continue;
            };
            match attach(&connection, &link.attach).await {
                Ok(again) => {
                    records = again;
                    break connection;
                }
                Err(error) if is_final(&error) => return link.end(&error.to_string()),
                // The broker may not have seen yet that the former connection is lost.
                Err(error) => debug!(%error, name = link.name(), "no place on the bus yet"),
            }
        };
        epoch += 1;
        info!(name = link.name(), "on the bus again");
        later = come_back(link, Place { connection, epoch }).await;
    }
}

/// Subscribes again to all that there was; gives what has to wait.
async fn come_back(link: &Link, place: Place) -> JoinSet<()> {
    let slots: Vec<_> = link.slots().iter().filter_map(Weak::upgrade).collect();
    let is_over = !link.state.send_if_modified(|state| {
        let goes_on = !matches!(state, State::Over(_));
        if goes_on {
            *state = State::Present(place.clone());
        }
        goes_on
    });
    let mut later = JoinSet::new();
    for slot in slots.into_iter().filter(|_| !is_over) {
        if let Some(wait) = slot.renew(&place).await {
            later.spawn(renew_later(Arc::downgrade(&slot), place.clone(), wait));
        }
    }
    later
}

/// Subscribes when the broker wants it, as long as somebody reads.
async fn renew_later(slot: Weak<Slot>, place: Place, mut wait: Duration) {
    loop {
        tokio::time::sleep(wait).await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        match slot.try_renew(&place).await {
            Some(longer) => wait = longer,
            None => return,
        }
    }
}

/// Does what messages to the client want, until there are no more; says why there are none.
async fn read(link: &Arc<Link>, mut records: Records) -> CallError {
    let mut answers = JoinSet::new();
    poll_fn(|cx| {
        let over = poll_read(link, &mut records, &mut answers, cx);
        while let Poll::Ready(Some(_)) = answers.poll_join_next(cx) {}
        over
    })
    .await
}

fn poll_read(
    link: &Arc<Link>,
    records: &mut Records,
    answers: &mut JoinSet<()>,
    cx: &mut Context<'_>,
) -> Poll<CallError> {
    let mut turn = Turn::new(link.config.session.inline_budget);
    for _ in 0..AT_ONCE {
        match ready!(records.poll_received(cx)) {
            Some(Ok(Received::Returned(call, outcome))) => link.calls.give_back(call, outcome),
            Some(Ok(Received::Message(message))) => {
                if let Some(rest) = link.answering.handle(link, message, &mut turn, cx) {
                    answers.spawn(rest);
                }
            }
            Some(Err(error)) => return Poll::Ready(error),
            None => return Poll::Ready(CallError::Cancelled),
        }
    }
    // Others on this thread want to run, too.
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Gets a name; gives what is sent to it.
async fn attach(connection: &Connection, attach: &Attach) -> Result<Records, CallError> {
    let body = Codec::Msgpack.encode(attach).map_err(CallError::Encode)?;
    let response = connection.call(Request::new(method::ATTACH, body)).await?;
    let (head, items): (Bytes, Items) = response.body.split().await?;
    Codec::Msgpack
        .decode::<Attached>(&head)
        .map_err(CallError::Decode)?;
    Ok(Records::new(items))
}

/// Whether coming again makes no sense: somebody else has the name by right, or it is denied.
fn is_final(error: &CallError) -> bool {
    matches!(error, CallError::Failed(failure)
        if [Code::REJECTED, Code::DENIED, Code::INVALID_PARAMETERS].contains(&failure.code))
}

/// Messages that are worked off before others on the thread get their turn.
const AT_ONCE: usize = 128;
/// Time for one attempt to reach the broker; another one follows.
const PATIENCE: Duration = Duration::from_secs(60);
