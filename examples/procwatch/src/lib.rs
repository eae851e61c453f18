//! What both programs of procwatch know: what they say to each other, what a rule is, and what the
//! daemon grants to the collector.
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "both programs are built together"
)]

pub mod rule;
pub mod wire;

use linkspan::plugin::host::Terms;
use linkspan::plugin::{GrantError, SandboxLevel};

/// What the collector says of itself, and asks for.
pub const MANIFEST: &str = include_str!("../plugin.toml");

/// What the collector is granted, and nothing else.
///
/// # Errors
///
/// [`GrantError`] if one of them were none.
pub fn terms() -> Result<Terms, GrantError> {
    let mut terms = Terms::default();
    terms.sandbox = SandboxLevel::Strict;
    terms.grants = vec![
        "host.processes".parse()?,
        "bus.publish:procwatch/#".parse()?,
    ];
    Ok(terms)
}
