//! What takes long: a little of it in the tests, all of it by `cargo xtask soak`.
//!
//! | what | in the tests | by the lane | where |
//! |---|---|---|---|
//! | messages for 8 fast subscribers and a slow one | 40,000 | 10,000,000 | [`fan_out`] |
//! | clients that come and go under the same names, over each transport | 300 | 10,000 | [`names`] |
//! | subscribes among ten times as many masks | 1,000 | 10,000 | [`many_masks`] |
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

use std::io::Write;

#[cfg(target_os = "linux")]
mod fan_out;
mod many_masks;
mod names;

/// Says a figure that is shown when the test's output is.
fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
