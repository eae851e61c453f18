//! Compressed bodies over real links.
//!
//! | what holds | where |
//! |---|---|
//! | every body comes back as it was, by both algorithms, on every transport | [`bodies`] |
//! | who does not compress, and what is not to be compressed | [`plain`] |
//! | what does not shrink is given up, and tried again | [`effort`] |
//! | a broker passes messages on to those who inflate and those who do not | [`bus`] |
//! | bodies that are not what they say harm only their sender | [`bombs`] |
//! | a client that knows the specification, and nothing of this library | [`foreign`] |

#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod bodies;
mod bombs;
#[cfg(feature = "bus")]
mod bus;
mod effort;
mod foreign;
mod plain;
mod scene;
