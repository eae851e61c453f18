//! A handler behind a guard: the one place of rpc where rights are asked for.

use std::future::ready;
use std::sync::Arc;

use crate::auth::Principal;
use crate::auth::policy::{Access, Action, Guard, Refused};
use crate::auth::quota::Place;
use crate::session::{
    Body, BoxFuture, CallError, Event, Handler, Method, Placement, Request, Response, SessionError,
};

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
    keeps_own_quotas: bool,
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
            keeps_own_quotas: self.inner.keeps_own_quotas(name),
        })
    }

    fn event(&self, event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        let access = Access::new(Action::RpcEvent, &event.topic);
        let keeps_own_quotas = self.inner.keeps_own_quotas(&event.topic);
        let admitted = admit(&self.guard, &event.principal(), access, keeps_own_quotas);
        // Nobody waits for an answer to an event; the guard tells of what it refused.
        let Ok(place) = admitted else {
            return Ok(None);
        };
        let left = self.inner.event(event)?;
        if place.is_free() {
            return Ok(left);
        }
        Ok(left.map(|left| -> BoxFuture<()> {
            Box::pin(async move {
                left.await;
                drop(place);
            })
        }))
    }
}

impl Method for GuardedMethod {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        let access = Access::new(Action::RpcCall, &request.method);
        let principal = request.principal();
        let admitted = admit(&self.guard, &principal, access, self.keeps_own_quotas);
        match admitted {
            Ok(place) if place.is_free() => self.inner.call(request),
            Ok(place) => Box::pin(keep(place, self.inner.call(request))),
            Err(refused) => Box::pin(ready(Err(refused.to_failure(&principal).into()))),
        }
    }

    fn placement(&self) -> &Placement {
        self.inner.placement()
    }
}

/// Lets it begin. What keeps to quotas by itself is not charged here, too, unless it is denied.
fn admit<'a>(
    guard: &Guard,
    principal: &Principal,
    access: Access<'a>,
    keeps_own_quotas: bool,
) -> Result<Place, Refused<'a>> {
    match keeps_own_quotas {
        true if guard.would_permit(principal, &access) => Ok(Place::default()),
        _ => guard.admit(principal, &[access]),
    }
}

/// Keeps a place until the answer was given, and if it is a stream, until that has ended.
async fn keep(
    place: Place,
    answering: BoxFuture<Result<Response, CallError>>,
) -> Result<Response, CallError> {
    let mut response = answering.await?;
    if response.body.is_streaming() {
        let (head, items) = response.body.split().await?;
        response.body = Body::streaming(head, place.keep(items));
    }
    Ok(response)
}
