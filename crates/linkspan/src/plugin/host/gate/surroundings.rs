//! What a host has around its plugins.

use std::fmt;
use std::pin::Pin;

use crate::Failure;
use crate::auth::Principal;
use crate::plugin::host::{Inlet, PluginEvent};
use crate::rpc::Router;

/// What a host has around its plugins: what they can call, and where they publish and hear of events.
///
/// Whether a plugin may do it was decided before any of this is called, by its
/// [grants](crate::plugin::host::Terms::grants); an implementation may refuse more. A plugin waits for
/// what it publishes, and for nothing else of these.
///
/// [`Switchboard`](crate::plugin::host::Switchboard) is one without a bus.
pub trait Surroundings: fmt::Debug + Send + Sync + 'static {
    /// What plugins can call. It is asked whenever a process of a plugin starts.
    fn services(&self) -> Router;

    /// Publishes an event of a plugin's.
    fn publish(&self, plugin: &Principal, event: PluginEvent) -> Doing;

    /// Hands every event whose topic a mask stands for to a plugin, from when this is done until the
    /// inlet is [closed](Inlet::closed).
    fn subscribe(&self, plugin: &Principal, mask: &str, inlet: Inlet) -> Doing;
}

/// Something that surroundings do.
pub type Doing = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;
