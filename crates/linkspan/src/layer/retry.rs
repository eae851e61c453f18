//! Sends requests again, after a pause.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::clock;
use crate::layer::attempt::{answer, graver, may_repeat};
use crate::layer::{AttemptError, Backoff, BackoffConfig, Budget, Repeatable};

/// Puts repeats around a service.
///
/// Services that are made by one layer share its budget.
#[derive(Debug, Clone)]
pub struct RetryLayer {
    backoff: BackoffConfig,
    budget: Budget,
}

/// A service that sends requests again, after a pause.
///
/// Only those are sent again that were certainly not sent, or that [are
/// idempotent](Repeatable::is_idempotent) and met a failure; each repeat has to be allowed by the
/// budget. A pause is at least as long as the other side asked for, within the longest pause.
///
/// It is always ready; a call waits for the inner service's readiness.
#[derive(Debug, Clone)]
pub struct Retry<S> {
    inner: S,
    layer: RetryLayer,
}

impl RetryLayer {
    /// The budget may be shared with others.
    pub fn new(backoff: BackoffConfig, budget: Budget) -> Self {
        Self { backoff, budget }
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S> Retry<S> {
    /// Sends a request until it is answered, may not be repeated, or has no repeats left.
    ///
    /// # Errors
    ///
    /// The service's own: that of the last attempt, or the one that leaves the outcome open.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the inner service's future and sends nothing more.
    pub async fn send<R>(&self, request: R) -> Result<S::Response, S::Error>
    where
        S: Service<R> + Clone,
        S::Error: AttemptError,
        R: Repeatable,
    {
        let RetryLayer { backoff, budget } = &self.layer;
        budget.handle_call();
        let mut backoff = Backoff::new(backoff.clone());
        let mut failed = None;
        loop {
            let error = match answer(self.inner.clone(), request.clone()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let hint = error.retry_after().unwrap_or_default();
            let goes_on = may_repeat(&request, &error);
            let error = graver(failed, error);
            let Some(pause) = backoff.next_pause().filter(|_| goes_on) else {
                return Err(error);
            };
            if !budget.try_repeat(clock::now()) {
                return Err(error);
            }
            failed = Some(error);
            let hint = hint.min(self.layer.backoff.longest_pause);
            tokio::time::sleep(pause.max(hint)).await;
        }
    }
}

impl<R, S> Service<R> for Retry<S>
where
    S: Service<R, Response: Send, Error: AttemptError + Send, Future: Send>,
    S: Clone + Send + Sync + 'static,
    R: Repeatable + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let retry = self.clone();
        Box::pin(async move { retry.send(request).await })
    }
}
