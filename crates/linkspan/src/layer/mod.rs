//! What clients do about servers that fail: breakers, backoff, and a choice of endpoints.
//!
//! They are services around services, by tower's traits, and know nothing of what is sent. What they
//! have to know of requests and errors is said by two small traits, [`Repeatable`] and
//! [`AttemptError`].
//!
//! ```text
//!            ┌─ Retry ─────────────────────────────────────────────────────────────┐
//!            │ pause   ┌─ Balance ───────────────────────────────────────────────┐ │
//!  request ──┼────────►│ choose ─┬► breaker of A ─► A: connection and time limit │ │
//!  answer ◄──┼─────────│         └► breaker of B ─► B: connection and time limit │ │
//!            │         └─────────────────────────────────────────────────────────┘ │
//!            └─────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`Balance`] | chooses among endpoints by class and load, and goes on to the next when one fails |
//! | [`Breaker`], [`BreakerLayer`] | keeps calls from what fails, and finds out when it works again |
//! | [`RetryLayer`] | sends again after a pause what may be sent again |
//! | [`Backoff`] | the pauses: exponential, with full jitter |
//! | [`Budget`] | keeps repeats in proportion to calls |
//!
//! **Nothing is sent twice in silence.** A request that may have been handled is repeated only if it
//! says that it is idempotent, however often the endpoints fail.
//!
//! No part has a task of its own, and none keeps more than a fixed amount for each endpoint.
//!
//! # Examples
//!
//! Two endpoints, of which the first is down:
//!
//! ```
//! use linkspan::layer::{AttemptError, Balance, BalanceConfig, Endpoint, Repeatable};
//! use tower::service_fn;
//!
//! #[derive(Clone)]
//! struct Question(&'static str);
//!
//! impl Repeatable for Question {
//!     fn is_idempotent(&self) -> bool {
//!         true
//!     }
//! }
//!
//! #[derive(Debug, thiserror::Error)]
//! #[error("nobody listens")]
//! struct NobodyListens;
//!
//! impl AttemptError for NobodyListens {
//!     fn is_unsent(&self) -> bool {
//!         true
//!     }
//!     fn is_failure(&self) -> bool {
//!         true
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = |is_up| {
//!     service_fn(move |Question(text): Question| async move {
//!         if is_up { Ok(text.len()) } else { Err(NobodyListens) }
//!     })
//! };
//! let first = Endpoint::new("first", service(false));
//! let mut second = Endpoint::new("second", service(true));
//! second.priority = 1;
//! let balance = Balance::new(vec![first, second], BalanceConfig::default());
//!
//! assert_eq!(balance.send(Question("how long?")).await?, 9);
//! let stats = balance.stats();
//! assert_eq!((stats[0].failures, stats[1].failures), (1, 0));
//! # Ok(())
//! # }
//! ```

mod attempt;
mod backoff;
mod balance;
mod breaker;
mod budget;
mod random;
mod retry;

pub use attempt::{AttemptError, Repeatable};
pub use backoff::{Backoff, BackoffConfig};
pub use balance::{Balance, BalanceConfig, BalanceError, Endpoint, EndpointStats};
pub use breaker::{
    Breaker, BreakerConfig, BreakerCounts, BreakerError, BreakerLayer, BreakerService,
    BreakerState, Open, Permit,
};
pub use budget::{Budget, BudgetConfig, BudgetCounts};
pub use retry::{Retry, RetryLayer};
