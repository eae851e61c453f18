//! What Linux does better than other Unix systems.

pub(crate) mod peer;
pub(crate) mod socket;
