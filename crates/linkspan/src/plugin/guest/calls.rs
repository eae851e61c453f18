//! Methods whose handlers the crew polls.

use std::sync::Arc;

use crate::plugin::guest::crew::{Crew, Elsewhere};
use crate::session::{Body, BoxFuture, CallError, Method, Placement, Request, Response};

/// A method whose handler, and what that streams, the crew polls.
pub(super) struct Crewed {
    inner: Arc<dyn Method>,
    crew: Arc<Crew>,
    /// How long its handler keeps threads.
    pace: Arc<Placement>,
    /// The session's driver does nothing but wait for it.
    placement: Placement,
}

impl Crewed {
    pub(super) fn new(inner: Arc<dyn Method>, crew: &Arc<Crew>) -> Self {
        let is_slow = inner.placement().is_moved();
        Self {
            inner,
            crew: Arc::clone(crew),
            pace: Arc::new(Placement::new(is_slow)),
            placement: Placement::default(),
        }
    }
}

impl Method for Crewed {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        let stream = request.stream();
        let (inner, crew) = (Arc::clone(&self.inner), Arc::clone(&self.crew));
        let pace = Arc::clone(&self.pace);
        // What a method does before it gives a future is the handler's, too.
        let handling = async move {
            let response = inner.call(request).await?;
            elsewhere(response, stream, &crew, &pace).await
        };
        Box::pin(self.crew.run(stream, &self.pace, Box::pin(handling)))
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }
}

/// The same response, whose items the crew polls.
async fn elsewhere(
    mut response: Response,
    stream: Option<u64>,
    crew: &Arc<Crew>,
    pace: &Arc<Placement>,
) -> Result<Response, CallError> {
    if response.body.is_streaming() {
        let (head, items) = response.body.split().await?;
        let items = Elsewhere::new(crew, stream, pace, items);
        response.body = Body::streaming(head, items);
    }
    Ok(response)
}
