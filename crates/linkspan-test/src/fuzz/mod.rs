//! What the fuzzer runs: properties that hold for every input.
//!
//! A target is a function of bytes that panics when a property is broken. `cargo xtask fuzz` looks
//! for bytes that break it; the ordinary tests replay the stored corpus through the same function.
//!
//! A new target is one file here, one line in [`TARGETS`] and one seed in `fuzz/corpus/NAME`.

mod authentication;
mod bus;
mod busrt;
mod compression;
mod daemon;
mod exchange;
mod frame;
mod handshake;
mod manifest;
mod plugin;
mod seal;
mod session;
mod topic;
mod wire;

pub use authentication::authentication;
pub use bus::bus;
pub use busrt::busrt;
pub use compression::compression;
pub use daemon::daemon;
pub use exchange::exchange;
pub use frame::frame;
pub use handshake::handshake;
pub use manifest::manifest;
pub use plugin::plugin;
pub use seal::seal;
pub use session::session;
pub use topic::topic;

/// A property, and the name under which the fuzzer and the corpus know it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Target {
    /// Name of the target and of its corpus.
    pub name: &'static str,
    /// Panics if the property does not hold for the input.
    pub run: fn(&[u8]),
}

impl Target {
    const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run }
    }
}

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target::new("authentication", authentication),
    Target::new("bus", bus),
    Target::new("busrt", busrt),
    Target::new("compression", compression),
    Target::new("daemon", daemon),
    Target::new("exchange", exchange),
    Target::new("frame", frame),
    Target::new("handshake", handshake),
    Target::new("manifest", manifest),
    Target::new("plugin", plugin),
    Target::new("seal", seal),
    Target::new("session", session),
    Target::new("topic", topic),
];
