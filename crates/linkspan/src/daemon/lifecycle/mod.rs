//! How daemons come and go: exactly one takes commands, whatever happens.
//!
//! | file | about |
//! |---|---|
//! | `identity`, `places` | which daemon is meant, and where its files are |
//! | `election`, `spawn`, `failure`, `crashes` | the client's side: it connects, or starts the daemon, or waits, or learns why not |
//! | `life`, `watch`, `recovery` | the daemon's side: from its lock to its last command |
//! | `stop`, `drainers` | how others end it, and those before it that still finish commands |
//! | `list` | all daemons of this user |
//! | `build` | which build is which |
//! | `metadata`, `log`, `follow` | what it leaves for people and successors |

mod build;
mod config;
mod crashes;
pub(crate) mod drainers;
mod election;
mod error;
mod failure;
mod follow;
mod identity;
mod life;
mod list;
mod log;
mod metadata;
mod places;
mod recovery;
mod settings;
mod spawn;
mod stop;
mod watch;

pub use build::{Build, emit_build_timestamp};
pub use config::{BuildPolicy, LifecycleConfig};
pub use error::{PlaceError, StartError};
pub use follow::LogReader;
pub use identity::{DaemonId, DaemonIdError};
pub use list::{DaemonEntry, LastRun, Listing, list};
pub use stop::{Force, StopError, Stopped};

pub(crate) use crashes::CrashRow;
pub(crate) use election::{Arrival, Reached, connect, reach, restart};
pub(crate) use failure::Failure;
pub(crate) use life::{chain, live};
pub(crate) use log::Log;
pub(crate) use metadata::Metadata;
pub(crate) use places::{Places, drainer};
pub(crate) use settings::Settings;
pub(crate) use spawn::{BUILD_TIMESTAMP, DAEMON_ID};
pub(crate) use stop::stop;
