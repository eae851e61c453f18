//! Surroundings without a bus.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::topic::{Limits, Mask};

use crate::auth::Principal;
use crate::codec::Payload;
use crate::plugin::host::{Doing, Inlet, PluginEvent, Surroundings};
use crate::rpc::Router;
use crate::{Category, Code, Failure};

/// Surroundings of plugins in one process: what one publishes is heard by the others that were granted
/// to hear of it, and by the program that has it. Clones are the same.
///
/// ```
/// use linkspan::plugin::host::Switchboard;
/// use linkspan::rpc::{CallError, Context, Router};
///
/// let services = Router::new().method("host.name", async |_: (), _: Context| {
///     Ok::<_, CallError>("example".to_owned())
/// });
/// let switchboard = Switchboard::new(services).on_publish(|plugin, event| {
///     println!("{} says something about {}", plugin.name, event.topic);
/// });
/// # drop(switchboard);
/// ```
#[derive(Clone, Default)]
pub struct Switchboard {
    services: Router,
    on_publish: Option<OnPublish>,
    lines: Arc<Mutex<Vec<Line>>>,
}

type OnPublish = Arc<dyn Fn(&Principal, &PluginEvent) + Send + Sync>;

/// Somebody who listens.
struct Line {
    mask: Mask,
    plugin: String,
    inlet: Inlet,
}

impl Switchboard {
    /// A switchboard at which plugins can call these.
    pub fn new(services: Router) -> Self {
        Self {
            services,
            ..Self::default()
        }
    }

    /// Has a closure told of everything that plugins publish, from the task of the plugin that does: it
    /// may not block.
    #[must_use]
    pub fn on_publish(
        mut self,
        told: impl Fn(&Principal, &PluginEvent) + Send + Sync + 'static,
    ) -> Self {
        self.on_publish = Some(Arc::new(told));
        self
    }

    /// Has the plugins that listen hear of an event; how many of their processes do.
    pub fn publish(&self, topic: &str, payload: Payload) -> usize {
        self.spread(&PluginEvent::new(topic, payload), None)
    }

    /// Hands an event to all who listen, once to each, but for a plugin that said it itself.
    fn spread(&self, event: &PluginEvent, speaker: Option<&str>) -> usize {
        let mut lines = self.lines();
        lines.retain(|line| !line.inlet.is_closed());
        let mut reached: Vec<Inlet> = Vec::new();
        for line in lines.iter() {
            let is_meant = speaker != Some(&line.plugin) && line.mask.matches(&event.topic);
            let is_reached = reached.iter().any(|inlet| inlet.is_same(&line.inlet));
            if is_meant && !is_reached && line.inlet.push(event.clone()) {
                reached.push(line.inlet.clone());
            }
        }
        reached.len()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Surroundings for Switchboard {
    fn services(&self) -> Router {
        self.services.clone()
    }

    fn publish(&self, plugin: &Principal, event: PluginEvent) -> Doing {
        if let Some(told) = &self.on_publish {
            told(plugin, &event);
        }
        self.spread(&event, Some(&plugin.name));
        Box::pin(ready(Ok(())))
    }

    fn subscribe(&self, plugin: &Principal, mask: &str, inlet: Inlet) -> Doing {
        let added = Mask::new(mask, &Limits::default()).map(|mask| {
            let plugin = plugin.name.clone();
            let mut lines = self.lines();
            lines.retain(|line| !line.inlet.is_closed());
            lines.push(Line {
                mask,
                plugin,
                inlet,
            });
        });
        let added = added.map_err(|error| {
            Failure::new(
                Category::Request,
                Code::INVALID_PARAMETERS,
                error.to_string(),
            )
        });
        Box::pin(ready(added))
    }
}

impl fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switchboard")
            .field("services", &self.services)
            .field("lines", &self.lines().len())
            .finish_non_exhaustive()
    }
}
