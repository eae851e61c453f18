//! Clients that speak BUS/RT (docs/protocol.md, section 19).

mod conversation;
mod input;
mod opening;
mod outlet;

pub(crate) use conversation::converse;
