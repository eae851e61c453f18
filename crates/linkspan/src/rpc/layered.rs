//! Tower's layers around a router.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use proto::error::{Category, Code};
use proto::message::Failure;
use tower_service::Service;

use crate::rpc::Router;
use crate::session::{
    BoxFuture, CallError, Event, Handler, Method, Placement, Request, Response, SessionError,
};

/// A service of any type that answers requests; the one boxed service that there is.
///
/// Layers are given one and their result becomes one.
#[derive(Clone)]
pub struct BoxService(Arc<dyn Answer>);

/// What a [`BoxService`] holds.
trait Answer: Send + Sync {
    fn answer(&self, request: Request) -> BoxFuture<Result<Response, CallError>>;
}

struct Layers<S>(S);

impl BoxService {
    /// Wraps a service.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Response> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send,
    {
        Self(Arc::new(Layers(service)))
    }

    pub(crate) fn answer(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        self.0.answer(request)
    }
}

impl<S> Answer for Layers<S>
where
    S: Service<Request, Response = Response> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
    fn answer(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        let mut service = self.0.clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx))
                .await
                .map_err(|error| call_error(error.into()))?;
            service
                .call(request)
                .await
                .map_err(|error| call_error(error.into()))
        })
    }
}

impl Service<Request> for BoxService {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.answer(request)
    }
}

impl fmt::Debug for BoxService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxService")
    }
}

/// A router with layers around it, as a session's handler.
pub(crate) struct Layered {
    router: Router,
    service: BoxService,
}

/// A method behind layers.
struct LayeredMethod {
    inner: Arc<dyn Method>,
    service: BoxService,
}

impl Layered {
    pub(crate) fn new(router: Router, service: BoxService) -> Self {
        Self { router, service }
    }
}

impl Handler for Layered {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        let inner = Handler::method(&self.router, name);
        Arc::new(LayeredMethod {
            inner,
            service: self.service.clone(),
        })
    }

    fn event(&self, event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        self.router.event(event)
    }

    fn keeps_own_quotas(&self, name: &str) -> bool {
        self.router.keeps_own_quotas(name)
    }
}

impl Method for LayeredMethod {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        self.service.answer(request)
    }

    fn placement(&self) -> &Placement {
        self.inner.placement()
    }
}

/// A layer's error as what a caller understands.
pub(crate) fn call_error(error: Box<dyn Error + Send + Sync>) -> CallError {
    match error.downcast::<CallError>() {
        Ok(error) => *error,
        Err(error) => {
            let message = "a layer rejected the request";
            Failure::new(Category::Limit, Code::REJECTED, message)
                .because(&*error)
                .into()
        }
    }
}
