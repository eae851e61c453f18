//! Test tools of Linkspan.
//!
//! | module | holds |
//! |---|---|
//! | [`sim`] | two sessions, a wire between them and a clock that only the test moves |
//! | [`script`] | a peer that says exactly what the test wants, frame by frame |
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test tool fails by panicking"
)]

pub mod script;
pub mod sim;
