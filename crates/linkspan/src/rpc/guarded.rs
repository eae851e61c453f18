//! A handler behind a guard: the one place of rpc where rights are asked for.

use std::future::ready;
use std::sync::Arc;

use crate::auth::policy::{Access, Action, Guard};
use crate::session::{BoxFuture, CallError, Event, Handler, Method, Placement, Request, Response};

/// Lets requests and events pass that the guard permits, whatever there is behind it: who may not
/// call a method does not learn whether it exists.
pub(crate) struct Guarded {
    inner: Arc<dyn Handler>,
    guard: Guard,
}

/// A method behind a guard.
struct GuardedMethod {
    inner: Arc<dyn Method>,
    guard: Guard,
}

impl Guarded {
    pub(crate) fn new(inner: Arc<dyn Handler>, guard: Guard) -> Self {
        Self { inner, guard }
    }
}

impl Handler for Guarded {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        Arc::new(GuardedMethod {
            inner: self.inner.method(name),
            guard: self.guard.clone(),
        })
    }

    fn event(&self, event: Event) -> Option<BoxFuture<()>> {
        let access = Access::new(Action::RpcEvent, &event.topic);
        // Nobody waits for an answer to an event; the guard tells of what it denied.
        let permitted = self.guard.decide(&event.principal(), &access).permitted;
        permitted.then(|| self.inner.event(event)).flatten()
    }
}

impl Method for GuardedMethod {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        let access = Access::new(Action::RpcCall, &request.method);
        match self.guard.check(&request.principal(), &access) {
            Ok(()) => self.inner.call(request),
            Err(failure) => Box::pin(ready(Err(failure.into()))),
        }
    }

    fn placement(&self) -> &Placement {
        self.inner.placement()
    }
}
