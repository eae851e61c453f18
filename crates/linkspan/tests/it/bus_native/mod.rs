//! Native clients of the bus, over memory, the local socket and TCP.
//!
//! | what holds | where |
//! |---|---|
//! | who gets what, with which headers, and what publishers are told | [`posts`] |
//! | what becomes of messages that are not read | [`overflow`] |
//! | calls between clients, and callees that die | [`calls`] |
//! | clients of BUS/RT and native ones | [`mixed`] |
//! | names, last wills, who is there | [`membership`] |
//! | brokers that are lost | [`comeback`] |
//! | who may do what | [`access`] |
//! | messages that come faster than they may | [`rates`] |
//! | one session for rpc and bus | [`embedding`] |
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod access;
mod calls;
#[cfg(unix)]
mod comeback;
mod embedding;
mod membership;
mod mixed;
mod overflow;
mod posts;
mod rates;
mod scene;
