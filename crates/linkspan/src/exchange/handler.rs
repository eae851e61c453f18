//! Handlers: from the bytes of a question to those of its answer.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::Principal;
use crate::exchange::MessageError;
use crate::transport::Peer;

/// What a handler knows besides the question.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// Who asks, as far as the transport knows.
    pub peer: Arc<Peer>,
    /// The question's number on its connection; the first is 1.
    pub number: u64,
}

impl Context {
    /// Who asks, by name.
    pub fn principal(&self) -> Principal {
        self.peer.principal()
    }
}

/// A handler of any sort. Clones share its threads.
#[derive(Clone)]
pub(super) struct Handler {
    answer: Arc<dyn Fn(Bytes, Context, Turn) -> Handling + Send + Sync>,
    /// Those that are free, if it blocks.
    threads: Option<Arc<Semaphore>>,
}

/// The right to have a question handled now: to a thread, if the handler blocks.
pub(super) type Turn = Option<OwnedSemaphorePermit>;

impl Handler {
    /// Waits until a question can be handled.
    pub(super) async fn turn(&self) -> Turn {
        let threads = Arc::clone(self.threads.as_ref()?);
        // It is never closed.
        threads.acquire_owned().await.ok()
    }

    /// Begins to handle a question.
    pub(super) fn answer(&self, question: Bytes, context: Context, turn: Turn) -> Handling {
        (self.answer)(question, context, turn)
    }
}

/// A question being handled; an error if it is none.
pub(super) type Handling = Pin<Box<dyn Future<Output = Result<Bytes, MessageError>> + Send>>;

/// A handler from bytes to bytes.
pub(super) fn from_bytes<F, Done, E>(handler: F) -> Handler
where
    F: Fn(Bytes, Context) -> Done + Send + Sync + 'static,
    Done: Future<Output = Result<Bytes, E>> + Send + 'static,
    E: Into<Bytes> + 'static,
{
    on_this_task(move |question, context| {
        let handling = handler(question, context);
        Box::pin(async move { Ok(handling.await.unwrap_or_else(Into::into)) })
    })
}

/// A handler from bytes to bytes that blocks: it runs on one of at most `threads` threads.
pub(super) fn from_blocking<F, E>(handler: F, threads: usize) -> Handler
where
    F: Fn(Bytes, Context) -> Result<Bytes, E> + Send + Sync + 'static,
    E: Into<Bytes> + 'static,
{
    let answer = move |question, context| Ok(handler(question, context).unwrap_or_else(Into::into));
    blocking(answer, threads)
}

fn on_this_task<F>(answer: F) -> Handler
where
    F: Fn(Bytes, Context) -> Handling + Send + Sync + 'static,
{
    Handler {
        answer: Arc::new(move |question, context, _| answer(question, context)),
        threads: None,
    }
}

fn blocking<F>(answer: F, threads: usize) -> Handler
where
    F: Fn(Bytes, Context) -> Result<Bytes, MessageError> + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    let on_a_thread = move |question, context, turn| -> Handling {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                let answer = answer(question, context);
                // The thread holds it, also when nobody waits any more.
                drop::<Turn>(turn);
                answer
            });
            match work.await {
                Ok(answer) => answer,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    // The runtime shuts down, and drops this future, too.
                    Err(_) => std::future::pending().await,
                },
            }
        })
    };
    Handler {
        answer: Arc::new(on_a_thread),
        threads: Some(Arc::new(Semaphore::new(threads))),
    }
}

/// Handlers of protobuf messages.
#[cfg(feature = "prost")]
pub(super) mod messages {
    use prost::Message;

    use super::{Bytes, Context, Handler, MessageError, blocking, on_this_task};

    /// A handler from one message to another.
    pub(in crate::exchange) fn from_messages<Q, A, E, F, Done>(handler: F) -> Handler
    where
        Q: Message + Default + 'static,
        A: Message + 'static,
        E: Message + 'static,
        F: Fn(Q, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<A, E>> + Send + 'static,
    {
        on_this_task(move |question, context| match decode(question) {
            Ok(question) => {
                let handling = handler(question, context);
                Box::pin(async move { Ok(encode(handling.await)) })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        })
    }

    /// A handler from one message to another that blocks.
    pub(in crate::exchange) fn from_blocking_messages<Q, A, E, F>(
        handler: F,
        threads: usize,
    ) -> Handler
    where
        Q: Message + Default + 'static,
        A: Message + 'static,
        E: Message + 'static,
        F: Fn(Q, Context) -> Result<A, E> + Send + Sync + 'static,
    {
        let answer = move |question, context| Ok(encode(handler(decode(question)?, context)));
        blocking(answer, threads)
    }

    /// Reads a message.
    pub(in crate::exchange) fn decode<M: Message + Default>(
        bytes: Bytes,
    ) -> Result<M, MessageError> {
        M::decode(bytes).map_err(|error| MessageError {
            reason: error.to_string(),
        })
    }

    fn encode<A: Message, E: Message>(result: Result<A, E>) -> Bytes {
        match result {
            Ok(answer) => answer.encode_to_vec().into(),
            Err(error) => error.encode_to_vec().into(),
        }
    }
}
