//! Native clients of the bus, over memory, the local socket and TCP.
//!
//! | what holds | where |
//! |---|---|
//! | who gets what, with which headers, and what publishers are told | [`posts`] |
//! | what bodies can be | [`bodies`] |
//! | in which order messages of one client arrive | [`order`] |
//! | what becomes of messages that are not read | [`overflow`] |
//! | calls between clients, and callees that die | [`calls`] |
//! | clients of BUS/RT and native ones | [`mixed`] |
//! | names, last wills, who is there | [`membership`] |
//! | brokers that are lost | [`comeback`] |
//! | clients that send and are not read | [`floods`] |
//! | processes that are stopped | [`stopped`] |
//! | who may do what | [`access`] |
//! | messages that are too long | [`sizes`] |
//! | messages that come faster than they may | [`rates`] |
//! | principals that want more than their quotas | `quotas` |
//! | messages that could not be delivered | [`dead_letters`] |
//! | publications that have to fit a schema | [`schemas`] |
//! | who watches what others send; sums that never fall | [`taps`] |
//! | one session for rpc and bus | [`embedding`] |
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod access;
mod bodies;
mod calls;
#[cfg(unix)]
mod comeback;
mod dead_letters;
mod embedding;
mod floods;
mod guarded;
mod membership;
mod mixed;
mod order;
mod overflow;
mod posts;
#[cfg(unix)]
mod process;
#[cfg(feature = "auth")]
mod quotas;
mod rates;
mod scene;
#[cfg(feature = "validation")]
mod schemas;
mod sizes;
#[cfg(unix)]
mod stopped;
mod taps;
