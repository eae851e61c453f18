//! What a client does with what it is sent: answers to its calls, calls by others, and the rest.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::frame::busrt::Rpc;
use proto::message::Text;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_service::Service;
use tracing::debug;

use crate::bus::Post;
use crate::bus::client::convention::{self, Question};
use crate::bus::client::link::Link;
use crate::bus::client::message::Message;
use crate::rpc::Router;
use crate::session::CallError;

/// Answers calls by others.
pub(super) struct Answering {
    router: Mutex<Option<Router>>,
    places: Arc<Semaphore>,
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

    /// Does what a message wants; work on calls is added to `answers`.
    pub(super) fn handle(&self, link: &Arc<Link>, message: Message, answers: &mut JoinSet<()>) {
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
                let caller = Text::from(message.sender());
                let question = Question::read(&message, &method, params);
                answers.spawn(self.answer(link, caller, id, question));
            }
            Some(_) => {}
        }
    }

    /// Has a call answered.
    fn answer(
        &self,
        link: &Arc<Link>,
        caller: Text,
        id: u32,
        question: Result<Question, CallError>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let router = self.router.lock().unwrap_or_else(PoisonError::into_inner);
        let router = router.clone().unwrap_or_default();
        let place = Arc::clone(&self.places).try_acquire_owned();
        let link = Arc::clone(link);
        async move {
            let answer = match (question, &place) {
                (Ok(question), Ok(_)) => answer(router, question).await,
                (Ok(_), Err(_)) => Err(convention::busy()),
                (Err(error), _) => Err(error),
            };
            // Zero wants no answer.
            if id != 0 {
                let (headers, payload) = convention::encode(id, answer);
                reply(&link, Post::call(caller, headers, payload)).await;
            }
        }
    }
}

async fn answer(mut router: Router, question: Question) -> Result<convention::Answer, CallError> {
    let timeout = question.timeout.unwrap_or(Duration::MAX);
    let answer = async {
        let response = router.call(question.request).await?;
        convention::collect(response).await
    };
    let answer = tokio::time::timeout(timeout, answer).await;
    answer.unwrap_or(Err(CallError::DeadlineExceeded))
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
