//! What plugins say: on stdout, on stderr, and in records over the protocol.
//!
//! ```text
//!  stdout, stderr ──► a thread for each ──► lines ──┐
//!                     that never stops reading      ├──► Ring ──► recent, followers
//!  linkspan.log ────────────────────────────────────┘    bounded
//! ```
//!
//! Nothing that a plugin says makes it wait or takes more memory than [`LogConfig`] says: what comes
//! too fast is counted instead of kept, long lines are cut.

mod config;
mod entry;
mod escape;
mod follower;
mod intake;
mod level;
mod lines;
mod reading;
mod ring;
mod store;
mod tail;
#[cfg(test)]
mod tests;

pub use config::LogConfig;
pub use entry::{LogEntry, LogSource};
pub use follower::{Followed, LogFollower};
pub use store::{LogStats, Logs};

pub(crate) use reading::Reading;
