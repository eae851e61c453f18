//! What a client does with what it is sent: answers to its calls, calls by others, and the rest.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};

use proto::frame::busrt::Rpc;
use proto::message::Text;
use tokio::sync::Semaphore;
use tracing::debug;

use crate::bus::Post;
use crate::bus::client::convention::{self, Question};
use crate::bus::client::link::Link;
use crate::bus::client::message::Message;
use crate::clock;
use crate::rpc::Router;
use crate::session::{
    BoxFuture, CallError, Handler, Method, Panicked, Placement, caught, poll_caught,
};

/// Answers calls by others.
pub(super) struct Answering {
    router: Mutex<Option<Router>>,
    places: Arc<Semaphore>,
}

/// Who wants an answer, and to which of its calls.
struct Caller {
    name: Text,
    id: u32,
}

impl Answering {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            router: Mutex::default(),
            places: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    /// Adds methods to those that are answered.
    pub(super) fn add(&self, service: Router) {
        let mut router = self.router.lock().unwrap_or_else(PoisonError::into_inner);
        *router = Some(router.take().unwrap_or_default().service(service));
    }

    /// Does what a message wants. A call is answered here, if that takes no time; what is left of it
    /// is given back.
    pub(super) fn handle(
        &self,
        link: &Arc<Link>,
        message: Message,
        turn: &mut Turn,
        cx: &mut Context<'_>,
    ) -> Option<BoxFuture<()>> {
        let rpc = match message.may_be_call() {
            true => Rpc::decode(message.payload()).ok(),
            false => None,
        };
        match rpc {
            None => link.inbox.push(message),
            Some(Rpc::Notification { data }) => link.inbox.push(message.into_notification(data)),
            Some(Rpc::Reply { id, result }) => {
                let answer = convention::response(&message.headers(), result);
                link.calls.answer(id, message.sender(), answer);
            }
            Some(Rpc::Error { id, code, data }) => {
                let error = convention::error(&message.headers(), code, data);
                link.calls.answer(id, message.sender(), error);
            }
            Some(Rpc::Request { id, method, params }) => {
                let caller = Caller {
                    name: message.sender().into(),
                    id,
                };
                let question = Question::read(&message, &method, params);
                return self.answer(link, caller, question, turn, cx);
            }
            Some(_) => {}
        }
        None
    }

    /// Has a call answered; gives what is left to do.
    fn answer(
        &self,
        link: &Arc<Link>,
        caller: Caller,
        question: Result<Question, CallError>,
        turn: &mut Turn,
        cx: &mut Context<'_>,
    ) -> Option<BoxFuture<()>> {
        let method = question
            .as_ref()
            .ok()
            .map(|it| self.method(&it.request.method));
        let place = Arc::clone(&self.places).try_acquire_owned();
        let (link, called) = (Arc::clone(link), method.clone());
        let work = Box::pin(async move {
            let answer = match (question, called, &place) {
                (Ok(question), Some(method), Ok(_)) => answer(&*method, question).await,
                (Err(error), ..) => Err(error),
                _ => Err(convention::busy()),
            };
            // Zero wants no answer.
            if caller.id != 0 {
                let (headers, payload) = convention::encode(caller.id, answer);
                reply(&link, Post::call(caller.name, headers, payload)).await;
            }
        });
        turn.begin(work, method.as_deref().map(Method::placement), cx)
    }

    fn method(&self, name: &str) -> Arc<dyn Method> {
        let router = self.router.lock().unwrap_or_else(PoisonError::into_inner);
        match &*router {
            Some(router) => Handler::method(router, name),
            None => Handler::method(&Router::new(), name),
        }
    }
}

/// Handlers that run one after the other on the reader's own task, as long as that takes little time.
#[derive(Debug)]
pub(super) struct Turn {
    began: Instant,
    latest: Instant,
    budget: Duration,
}

impl Turn {
    /// A turn that begins now.
    pub(super) fn new(budget: Duration) -> Self {
        let now = clock::now();
        Self {
            began: now,
            latest: now,
            budget,
        }
    }

    /// Begins with some work, if there is time and it is not known to need much; gives the rest.
    fn begin(
        &mut self,
        mut work: BoxFuture<()>,
        placement: Option<&Placement>,
        cx: &mut Context<'_>,
    ) -> Option<BoxFuture<()>> {
        let is_late = self.latest - self.began > self.budget;
        if is_late || placement.is_some_and(Placement::is_moved) {
            return Some(work);
        }
        let poll = work.as_mut().poll(cx);
        let begun = mem::replace(&mut self.latest, clock::now());
        if let Some(placement) = placement {
            placement.note(self.latest - begun, self.budget);
        }
        poll.is_pending().then_some(work)
    }
}

async fn answer(method: &dyn Method, question: Question) -> Result<convention::Answer, CallError> {
    let timeout = question.timeout.unwrap_or(Duration::MAX);
    let answer = async {
        let mut response = caught(|| method.call(question.request)).map_err(panicked)?;
        let response = poll_fn(|cx| poll_caught(&mut response, cx)).await;
        convention::collect(response.map_err(panicked)??).await
    };
    let answer = tokio::time::timeout(timeout, answer).await;
    answer.unwrap_or(Err(CallError::DeadlineExceeded))
}

fn panicked(_: Panicked) -> CallError {
    convention::panicked()
}

/// Sends an answer, if there is still a way.
async fn reply(link: &Link, post: Post) {
    if let Some(place) = link.current() {
        let sent = place
            .connection
            .send_raw_event(post.method(), post.encode());
        let sent = match sent.await {
            Err(CallError::TooLarge { .. }) => {
                link.ask(post.method(), &post.encode()).await.map(drop)
            }
            sent => sent,
        };
        if let Err(error) = sent {
            debug!(%error, "an answer was not sent");
        }
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}
