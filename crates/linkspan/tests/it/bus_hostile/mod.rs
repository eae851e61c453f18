//! Peers that mean harm at a broker in a process of its own.
//!
//! | peer | what holds | where |
//! |---|---|---|
//! | calls itself a secondary of another process | denied | [`strangers`] |
//! | announces much memory | gets none | [`resources`] |
//! | connects and idles, a thousand times | costs 18 kB each | [`resources`] |
//! | comes and goes | leaves no descriptor, not even with idle publishers | [`resources`] |
//! | takes all descriptors | the next one is accepted when there are some again | [`resources`] |
//! | wants the address of a live broker | does not get it; a file is not removed | [`sockets`] |

#[cfg(target_os = "linux")]
mod resources;
mod sockets;
mod strangers;
