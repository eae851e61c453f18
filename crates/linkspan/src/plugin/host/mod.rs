//! Running plugins: started, watched, called, and ended with their host.
//!
//! ```text
//!  Verified + Terms ──► PluginHost ──► Plugin ── calls ──► the process with the least to do
//!                                        │
//!                      for each process  ├─ launch     what was verified, in its sandbox
//!                                        ├─ handshake  is it what its manifest says, is it ready
//!                                        ├─ watch      its end, its silence, its memory
//!                                        └─ again      after a pause, or given up
//! ```
//!
//! A [`PluginHost`] takes in plugins, each under its [`Terms`]: what it is granted, how it is confined,
//! how many processes of it run and what happens when one ends. A [`Plugin`] is started, stopped,
//! reloaded and called; a client that was generated for its service works on it. What plugins call,
//! publish and hear of is up to the [`Surroundings`], what they print and log is in their [`Logs`].
//!
//! | state | what it means | what comes next |
//! |---|---|---|
//! | [`Created`](State::Created) | it was loaded | a start |
//! | [`Starting`](State::Starting) | no process is ready yet | running, crashed or failed |
//! | [`Running`](State::Running) | a process takes calls, or did | crashed, stopping or stopped |
//! | [`Crashed`](State::Crashed) | it ended by itself | another start, after a pause |
//! | [`Failed`](State::Failed) | it was given up, or cannot run | a start by hand |
//! | [`Stopping`](State::Stopping), [`Stopped`](State::Stopped) | it was told to, or is done | a start by hand |
//!
//! **Nothing waits without limit, and no clock is trusted that jumped:** each wait has its limit in the
//! terms, and time in which this process itself stood still does not count. **Busy is not dead:** signs
//! of life come from the plugin's SDK, however busy its handlers are. **Nothing is left:** processes end
//! with the host that is dropped, and with this process however that ends.
//!
//! # Examples
//!
//! ```no_run
//! use linkspan::plugin::host::{HostConfig, PluginHost, Terms};
//! use linkspan::rpc::CallError;
//!
//! #[linkspan::service]
//! trait Greeter {
//!     async fn greet(&self, name: String) -> Result<String, CallError>;
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = PluginHost::new(HostConfig::default());
//! let mut terms = Terms::default();
//! terms.grants = vec!["bus.publish:greeter/#".parse()?];
//! let plugin = host.load("/opt/linkspan/plugins/greeter", terms).await?;
//! plugin.start().await?;
//!
//! let greeter = GreeterClient::new(plugin.clone());
//! assert_eq!(greeter.greet("Ada".into()).await?, "Hello, Ada!");
//! for instance in plugin.status().instances {
//!     println!("process {}, confined at level {}", instance.pid, instance.applied.level);
//! }
//! host.stop().await;
//! # Ok(())
//! # }
//! ```

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
mod house;
mod instance;
pub(in crate::plugin) mod launch;
mod logs;
mod opening;
mod parting;
mod patience;
mod plugin;
mod plugin_host;
mod pulse;
mod sampling;
mod shared;
mod slot;
mod state;
mod status;
mod terms;
mod watching;
mod words;

pub use config::HostConfig;
pub use ending::{Cause, Ending};
pub use error::{LoadError, RunError};
pub use gate::{Doing, GateConfig, GateStats, Inlet, PluginEvent, Surroundings, Switchboard};
pub use launch::{Problem, StartError};
pub use logs::{Followed, LogConfig, LogEntry, LogFollower, LogSource, LogStats, Logs};
pub use plugin::Plugin;
pub use plugin_host::PluginHost;
pub use state::{State, States};
pub use status::{InstanceStatus, Status};
pub use terms::{Balancing, Descriptor, Inherited, Terms};

pub use os::sandbox::{Applied, Exit, Identity, Level, Network, Usage, Weakness};
