//! What layers have to know of requests and errors.

use std::future::poll_fn;
use std::time::Duration;

use tower_service::Service;

/// An error of one attempt to send a request: what may be done about it.
///
/// | the error means | `is_unsent` | `is_failure` |
/// |---|---|---|
/// | nobody listens; all places are taken | true | true |
/// | no answer in time; the connection was lost | false | true |
/// | the application's own error; a request that is never right | false | false |
/// | a layer of this side kept the request back | true | false |
pub trait AttemptError {
    /// Whether the request certainly had no effect, and another endpoint, or the same one later, may
    /// take it. Whoever says so wrongly makes requests run twice.
    fn is_unsent(&self) -> bool;

    /// Whether it speaks against the endpoint: a [`Breaker`](crate::layer::Breaker) counts these.
    fn is_failure(&self) -> bool;

    /// How long to wait before trying again, if the other side said so. Default: it did not.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// A request that layers may have to send more than once.
pub trait Repeatable: Clone {
    /// Whether handling it twice is as good as once. Only then is it sent again after a failure that
    /// leaves open whether it was handled.
    fn is_idempotent(&self) -> bool;
}

/// Whether the request may be sent once more after this error.
pub(super) fn may_repeat<R: Repeatable, E: AttemptError>(request: &R, error: &E) -> bool {
    error.is_unsent() || (error.is_failure() && request.is_idempotent())
}

/// Which error of several attempts tells the whole: one that leaves the outcome open is not covered
/// by one that says that nothing was sent.
pub(super) fn graver<E: AttemptError>(earlier: Option<E>, later: E) -> E {
    match earlier {
        Some(earlier) if later.is_unsent() && !earlier.is_unsent() => earlier,
        _ => later,
    }
}

/// Makes one attempt: waits until the service is ready, and for its answer.
pub(super) async fn answer<R, S: Service<R>>(
    mut service: S,
    request: R,
) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
