//! An endpoint that behaves as a test wants, and remembers what it was asked.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use linkspan::layer::{AttemptError, Endpoint, Repeatable};
use tokio::sync::watch;
use tower::Service;

/// A request with a number, so that it is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) number: u32,
    pub(crate) is_idempotent: bool,
}

impl Repeatable for Question {
    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }
}

/// Of those that may be sent once only.
pub(crate) fn once(number: u32) -> Question {
    Question {
        number,
        is_idempotent: false,
    }
}

pub(crate) fn idempotent(number: u32) -> Question {
    Question {
        number,
        is_idempotent: true,
    }
}

/// What a fake does with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Behaviour {
    /// Answers at once.
    Answer,
    /// Answers after a while.
    Take(Duration),
    /// Answers when it behaves otherwise.
    Hold,
    /// Does not take the request.
    Refuse,
    /// Takes the request, and is lost.
    Vanish,
    /// Takes the request, and says nothing for the time limit.
    TimeOut(Duration),
    /// Answers with an error of its own.
    Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the request was refused")]
    Refused,
    #[error("the outcome is unknown")]
    Lost,
    #[error("the application objects")]
    Objection,
}

impl AttemptError for Trouble {
    fn is_unsent(&self) -> bool {
        *self == Self::Refused
    }

    fn is_failure(&self) -> bool {
        *self != Self::Objection
    }

    fn retry_after(&self) -> Option<Duration> {
        (*self == Self::Refused).then_some(HINT)
    }
}

/// What a fake that refuses asks for.
pub(crate) const HINT: Duration = Duration::from_millis(300);

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    name: &'static str,
    behaviour: watch::Sender<Behaviour>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: usize,
    /// How often each request was taken, and so may have been handled.
    taken: HashMap<u32, u32>,
    under_way: usize,
    most_under_way: usize,
}

struct UnderWay(Arc<Mutex<Seen>>);

impl Fake {
    pub(crate) fn new(name: &'static str, behaviour: Behaviour) -> Self {
        Self {
            name,
            behaviour: watch::Sender::new(behaviour),
            seen: Arc::default(),
        }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    pub(crate) fn endpoint(&self, priority: u8) -> Endpoint<Self> {
        let mut endpoint = Endpoint::new(self.name, self.clone());
        endpoint.priority = priority;
        endpoint
    }

    /// How often it was asked since this was called last.
    pub(crate) fn asked(&self) -> usize {
        std::mem::take(&mut self.seen().asked)
    }

    /// How often it took each request.
    pub(crate) fn taken(&self) -> HashMap<u32, u32> {
        self.seen().taken.clone()
    }

    /// How many requests it had at once, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.seen().most_under_way
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn begin(&self, question: Question, behaviour: Behaviour) -> UnderWay {
        let mut seen = self.seen();
        seen.asked += 1;
        seen.under_way += 1;
        seen.most_under_way = seen.most_under_way.max(seen.under_way);
        if behaviour != Behaviour::Refuse {
            *seen.taken.entry(question.number).or_default() += 1;
        }
        UnderWay(Arc::clone(&self.seen))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

impl Service<Question> for Fake {
    type Response = &'static str;
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<&'static str, Trouble>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: Question) -> Self::Future {
        let behaviour = *self.behaviour.borrow();
        let under_way = self.begin(question, behaviour);
        let (name, mut changes) = (self.name, self.behaviour.subscribe());
        Box::pin(async move {
            let _under_way = under_way;
            match behaviour {
                Behaviour::Answer => {}
                Behaviour::Take(time) => tokio::time::sleep(time).await,
                Behaviour::Hold => {
                    let is_other = |behaviour: &Behaviour| *behaviour != Behaviour::Hold;
                    changes.wait_for(is_other).await.unwrap();
                }
                Behaviour::Refuse => return Err(Trouble::Refused),
                Behaviour::Vanish => return Err(Trouble::Lost),
                Behaviour::TimeOut(limit) => {
                    tokio::time::sleep(limit).await;
                    return Err(Trouble::Lost);
                }
                Behaviour::Object => return Err(Trouble::Objection),
            }
            Ok(name)
        })
    }
}
