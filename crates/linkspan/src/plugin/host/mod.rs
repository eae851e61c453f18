//! Running plugins: started, watched, called, and ended with their host.

mod board;
mod calling;
mod config;
mod control;
mod crashes;
mod description;
mod ending;
mod error;
mod gate;
mod generation;
mod host;
mod house;
mod instance;
pub(in crate::plugin) mod launch;
mod logs;
mod opening;
mod parting;
mod patience;
mod plugin;
mod pulse;
mod sampling;
mod shared;
mod slot;
mod state;
mod status;
mod terms;
mod watching;

pub use config::HostConfig;
pub use ending::{Cause, Ending};
pub use error::{LoadError, RunError};
pub use gate::{Doing, GateConfig, GateStats, Inlet, PluginEvent, Surroundings, Switchboard};
pub use host::PluginHost;
pub use launch::{Problem, StartError};
pub use logs::{Followed, LogConfig, LogEntry, LogFollower, LogSource, LogStats, Logs};
pub use plugin::Plugin;
pub use state::{State, States};
pub use status::{InstanceStatus, Status};
pub use terms::{Balancing, Descriptor, Inherited, Terms};

pub use os::sandbox::{Applied, Exit, Identity, Level, Network, Usage, Weakness};
