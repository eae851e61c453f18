//! The host, as its plugin calls it back.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use proto::error::{Category, Code};
use proto::message::Failure;
use tokio::sync::watch;
use tower_service::Service;

use crate::codec::{Decode, Encode};
use crate::plugin::guest::crew;
use crate::plugin::guest::logs::Logs;
use crate::plugin::wire::{PROGRESS, RESERVED_PREFIX};
use crate::plugin::{LogRecord, Progress, Ready};
use crate::rpc::Client;
use crate::session::{CallError, Connection, Context, Request, Response};

/// The host of a plugin: answers what it grants, and hears what the plugin says.
///
/// Generated clients work on it: `NotesClient::new(host.clone())`. Handing on the [`Context`] of the
/// call that a call of the host belongs to hands on its deadline and its trace. Clones are the same.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    /// Empty until there is a session.
    client: OnceLock<Client>,
    readiness: watch::Sender<Ready>,
    logs: Logs,
}

impl Host {
    pub(super) fn new() -> Self {
        let inner = Inner {
            client: OnceLock::new(),
            readiness: watch::Sender::new(Ready::new(false, STARTING)),
            logs: Logs::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// There is a session with it.
    pub(super) fn open(&self, connection: Connection) {
        // There is one session for each process.
        self.inner.client.set(Client::of(connection)).ok();
    }

    /// Calls a method by its name, with any body, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// Any [`CallError`]; the method's own error is [`CallError::Application`], and what is not granted
    /// a failure of the category authorization.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the host.
    pub async fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        self.client()?.send_request(method, body).await
    }

    /// Publishes something: it returns once the event is on its way.
    ///
    /// # Errors
    ///
    /// [`CallError::NotAccepted`] without a session, [`CallError::TooLarge`] or [`CallError::Encode`]
    /// for the body, [`CallError::Failed`] for a topic that begins with `linkspan.`.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the event whole or not at all.
    pub async fn publish(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), CallError> {
        if topic.starts_with(RESERVED_PREFIX) {
            let message = format!("the topic {topic:?} is one of Linkspan's own");
            let failure = Failure::new(Category::Request, Code::INVALID_PARAMETERS, message);
            return Err(failure.into());
        }
        self.client()?.send_event(topic, body).await
    }

    /// A client of it.
    ///
    /// # Errors
    ///
    /// [`CallError::NotAccepted`] until the plugin runs.
    pub fn client(&self) -> Result<Client, CallError> {
        self.inner.client.get().cloned().ok_or_else(not_there)
    }

    /// Says whether the plugin can do its work now, and why not. The host hears of it if it changes.
    pub fn set_ready(&self, is_ready: bool, reason: &str) {
        self.inner.readiness.send_if_modified(|readiness| {
            let now = Ready::new(is_ready, reason);
            let changes = *readiness != now;
            *readiness = now;
            changes
        });
    }

    /// Adds a record to the log. It never waits: what finds no room is dropped, and the next record
    /// says how many were. A record without a [stream](LogRecord::stream) gets that of the call that
    /// this thread works for.
    pub fn log(&self, mut record: LogRecord) {
        record.stream = record.stream.or_else(crew::current_stream);
        self.inner.logs.push(record);
    }

    /// Ends the session in order, and with it the process: nothing new, and at most `limit` for what
    /// is under way. It does not wait for that.
    pub fn stop(&self, limit: Duration) {
        let client = self.inner.client.get();
        if let Some(connection) = client.and_then(Client::connection) {
            connection.begin_closing(limit, "the plugin stops");
        }
    }

    pub(super) fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    pub(super) fn readiness(&self) -> watch::Receiver<Ready> {
        self.inner.readiness.subscribe()
    }

    /// It has started, and is ready unless it has said already whether it is.
    pub(super) fn started(&self) {
        let is_starting = |now: &Ready| !now.ready && now.reason == STARTING;
        self.inner.readiness.send_if_modified(|readiness| {
            let changes = is_starting(readiness);
            if changes {
                *readiness = Ready::new(true, "");
            }
            changes
        });
    }
}

impl Service<Request> for Host {
    type Response = Response;
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, CallError>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.client() {
            Ok(mut client) => Box::pin(Service::call(&mut client, request)),
            Err(error) => Box::pin(ready(Err(error))),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("readiness", &*self.inner.readiness.borrow())
            .finish_non_exhaustive()
    }
}

/// Tells the caller of a call how far it is: so much is done, of so much if that is known, in whatever
/// is counted. It never waits: what finds no room, or nobody who listens, is dropped.
pub fn progress(call: &Context, done: f64, total: Option<f64>, message: &str) {
    // There is nobody to tell of it.
    call.tell_now(PROGRESS, &Progress::new(done, total, message))
        .ok();
}

fn not_there() -> CallError {
    CallError::not_accepted("there is no session with the host yet")
}

/// Why a plugin is not ready that has said nothing of it.
const STARTING: &str = "starting";
