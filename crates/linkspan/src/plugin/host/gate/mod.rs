//! What plugins may do towards their host, and how they do it.
//!
//! ```text
//!  plugin ── calls ────────► Gate ─── rpc.call: ──────► services of the Surroundings
//!         ── events ───────►      ─── bus.publish: ───► publish
//!         ◄─ events ── queue ◄─── ─── bus.subscribe: ─ subscribe
//!         ── linkspan.* ───► the host's own
//! ```
//!
//! A [`Gate`] asks for each call, each event and each mask whether it was granted. What came without a
//! right is refused or dropped, counted, and written down. What there is behind it, the
//! [`Surroundings`], belongs to whoever has the host.

mod config;
mod event;
mod handler;
mod inlet;
mod listening;
mod passage;
mod queue;
mod surroundings;
mod switchboard;
#[cfg(test)]
mod tests;

pub use config::{GateConfig, GateStats};
pub use event::PluginEvent;
pub use inlet::Inlet;
pub use surroundings::{Doing, Surroundings};
pub use switchboard::Switchboard;

pub(crate) use listening::Listening;
pub(crate) use passage::Gate;
