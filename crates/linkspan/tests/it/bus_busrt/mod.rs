//! The broker as clients of BUS/RT see it, over a local socket, TCP and WebSocket.
//!
//! | what holds | where |
//! |---|---|
//! | bytes are those of BUS/RT's own broker | [`golden`] |
//! | who gets which name, and when it is free again | [`openings`] |
//! | who gets what, in which order | [`routing`] |
//! | what `.broker` answers and tells | [`service`] |
//! | pings, limits of silence, last words | [`liveness`] |
//! | which operation has which ack | [`acks`] |
//! | how long messages may be | [`sizes`] |
//! | what becomes of messages for who does not keep up | [`overflow`] |
//! | who sends and does not read holds up nobody | [`floods`] |
//! | what a rule refuses | [`rights`] |
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod acks;
mod floods;
mod golden;
mod liveness;
mod openings;
mod overflow;
pub(crate) mod raw;
mod rights;
mod routing;
pub(crate) mod scene;
mod service;
mod sizes;
