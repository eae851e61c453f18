//! A breaker around a service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use thiserror::Error;
use tower_layer::Layer;
use tower_service::Service;

use crate::clock;
use crate::layer::{AttemptError, Breaker, Open};

/// Puts a [`Breaker`] around a service.
///
/// Services that are made by one layer share its breaker.
#[derive(Debug, Clone)]
pub struct BreakerLayer {
    breaker: Breaker,
}

/// A service that is only called while its breaker admits calls.
///
/// A call that is dropped before it ends counts neither as success nor as failure. So a time limit
/// belongs inside, around what the breaker guards, and not around the breaker.
#[derive(Debug, Clone)]
pub struct BreakerService<S> {
    inner: S,
    breaker: Breaker,
}

/// A call through a breaker failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BreakerError<E> {
    /// The breaker did not admit it; nothing was sent.
    #[error(transparent)]
    Open(#[from] Open),
    /// The service failed.
    #[error(transparent)]
    Service(E),
}

impl BreakerLayer {
    /// The breaker may be in other hands, too: to show its state, say.
    pub fn new(breaker: Breaker) -> Self {
        Self { breaker }
    }
}

impl<S> Layer<S> for BreakerLayer {
    type Service = BreakerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            breaker: self.breaker.clone(),
        }
    }
}

impl<R, S> Service<R> for BreakerService<S>
where
    S: Service<R>,
    S::Error: AttemptError,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(BreakerError::Service)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.breaker.admit(clock::now()) {
            Ok(permit) => permit,
            Err(open) => return Box::pin(async move { Err(open.into()) }),
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let result = answer.await;
            permit.settle(clock::now(), &result);
            result.map_err(BreakerError::Service)
        })
    }
}

impl<E: AttemptError> AttemptError for BreakerError<E> {
    fn is_unsent(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Service(error) => error.is_unsent(),
        }
    }

    fn is_failure(&self) -> bool {
        match self {
            Self::Open(_) => false,
            Self::Service(error) => error.is_failure(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open(open) => Some(open.retry_after),
            Self::Service(error) => error.retry_after(),
        }
    }
}
