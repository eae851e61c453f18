//! Who is let in, who is not, and what strangers learn: each attack against a real listener.

#[cfg(feature = "bus")]
mod brokers;
mod ends;
mod forge;
mod keys;
mod openings;
mod renewals;
mod scene;
mod sources;
mod tokens;

pub(crate) use scene::patient;
