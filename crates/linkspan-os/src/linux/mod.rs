//! What Linux does better than other Unix systems.

pub(crate) mod changes;
pub(crate) mod descriptors;
pub(crate) mod exchange;
pub(crate) mod loopback;
pub(crate) mod peer;
pub(crate) mod presence;
pub(crate) mod process;
pub(crate) mod sandbox;
pub(crate) mod signals;
pub(crate) mod socket;
