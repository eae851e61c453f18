//! One service made of several endpoints.

mod choice;
mod endpoint;
mod error;
mod latency;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;
use tracing::debug;

use crate::clock;
use crate::layer::attempt::{graver, may_repeat};
use crate::layer::balance::choice::Candidates;
use crate::layer::balance::endpoint::Node;
use crate::layer::random::Random;
use crate::layer::{AttemptError, BreakerConfig, Budget, BudgetConfig, Repeatable};

pub use crate::layer::balance::endpoint::{Endpoint, EndpointStats};
pub use crate::layer::balance::error::BalanceError;

/// How calls are spread over endpoints.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct BalanceConfig {
    /// When an endpoint is left alone, and how it is tried again.
    pub breaker: BreakerConfig,
    /// How many idempotent requests may be sent a second time, to another endpoint.
    pub budget: BudgetConfig,
}

/// Sends each request to the best endpoint, and to the next one if that failed.
///
/// - **Choice.** Each endpoint has a breaker. The best class that has an endpoint which admits calls
///   is used; a better class is used again as soon as its breaker lets a probe through. Within a
///   class it is the one of two at random that has fewer requests in flight for its weight, then the
///   one that answers faster.
/// - **Failover.** A request that was certainly not sent goes to the next endpoint at once. One that
///   may have been handled does only if it [is idempotent](Repeatable::is_idempotent) and the
///   [`Budget`] allows it. No endpoint is asked twice in one call.
///
/// Clones share all of it. It is always ready; a call waits for its endpoint's readiness.
#[derive(Debug)]
pub struct Balance<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    /// In the order of their classes.
    nodes: Vec<Node<S>>,
    budget: Budget,
    random: Random,
}

impl<S> Balance<S> {
    /// Spreads calls over these endpoints.
    pub fn new(mut endpoints: Vec<Endpoint<S>>, config: BalanceConfig) -> Self {
        endpoints.sort_by_key(|endpoint| endpoint.priority);
        let node = |endpoint| Node::new(endpoint, config.breaker.clone());
        Self {
            shared: Arc::new(Shared {
                nodes: endpoints.into_iter().map(node).collect(),
                budget: Budget::new(config.budget),
                random: Random::new(),
            }),
        }
    }

    /// Sends a request to an endpoint.
    ///
    /// # Errors
    ///
    /// - [`BalanceError::Endpoint`] if an endpoint failed and no other may or can be asked.
    /// - [`BalanceError::Unavailable`] if no endpoint's breaker admits a call.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the endpoint's future, and says nothing of the endpoint.
    pub async fn send<R>(&self, request: R) -> Result<S::Response, BalanceError<S::Error>>
    where
        S: Service<R> + Clone,
        S::Error: AttemptError,
        R: Repeatable,
    {
        self.shared.budget.handle_call();
        self.send_again(request).await
    }

    /// Sends a request that an earlier [`send`](Self::send) was for, too: the budget does not count
    /// it as another call. Whether it may be repeated is for the caller to know, and to ask the
    /// [budget](Self::budget).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// That of [`send`](Self::send).
    pub async fn send_again<R>(&self, request: R) -> Result<S::Response, BalanceError<S::Error>>
    where
        S: Service<R> + Clone,
        S::Error: AttemptError,
        R: Repeatable,
    {
        let Shared {
            nodes,
            budget,
            random,
        } = &*self.shared;
        let mut candidates = Candidates::new(nodes, random);
        let mut failed = None;
        while let Some(lease) = candidates.next(clock::now()) {
            // A repeat is paid for only when there is somebody to take it.
            if failed
                .as_ref()
                .is_some_and(|error: &BalanceError<_>| !error.is_unsent())
                && !budget.try_repeat(clock::now())
            {
                break;
            }
            let name = &lease.node.endpoint.name;
            let source = match lease.call(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(source) => source,
            };
            let goes_on = may_repeat(&request, &source);
            debug!(endpoint = %name, goes_on, "endpoint failed");
            let endpoint = Arc::clone(name);
            let error = graver(failed, BalanceError::Endpoint { endpoint, source });
            if !goes_on {
                return Err(error);
            }
            failed = Some(error);
        }
        let retry_after = candidates.retry_after();
        Err(failed.unwrap_or(BalanceError::Unavailable { retry_after }))
    }

    /// What is known of each endpoint, the best class first.
    pub fn stats(&self) -> Vec<EndpointStats> {
        let now = clock::now();
        let nodes = self.shared.nodes.iter();
        nodes.map(|node| node.stats(now)).collect()
    }

    /// What limits repeats.
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }
}

impl<S> Clone for Balance<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R, S> Service<R> for Balance<S>
where
    S: Service<R, Response: Send, Error: AttemptError + Send, Future: Send>,
    S: Clone + Send + Sync + 'static,
    R: Repeatable + Send + 'static,
{
    type Response = S::Response;
    type Error = BalanceError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let balance = self.clone();
        Box::pin(async move { balance.send(request).await })
    }
}
