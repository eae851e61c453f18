//! What answers an instance of a plugin.

use std::sync::Arc;

use crate::plugin::host::gate::Gate;
use crate::plugin::wire::RESERVED_PREFIX;
use crate::rpc::{Guarded, Router};
use crate::session::{BoxFuture, Event, Handler, Method, SessionError};

/// Lets calls and events of a plugin pass as far as they were granted.
pub(super) struct Gated {
    gate: Gate,
    services: Guarded,
    /// Takes what the protocol of plugins has events for.
    own: Arc<dyn Handler>,
}

impl Gated {
    pub(super) fn new(gate: &Gate, services: Arc<Router>, own: Arc<dyn Handler>) -> Self {
        Self {
            gate: gate.clone(),
            services: Guarded::new(services, gate.guard().clone()),
            own,
        }
    }
}

impl Handler for Gated {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        self.services.method(name)
    }

    fn event(&self, event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        match event.topic.starts_with(RESERVED_PREFIX) {
            true => self.own.event(event),
            false => self.gate.publish(event),
        }
    }
}
