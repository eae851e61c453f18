//! The node's configuration: one file, presets, environment variables; every value with its origin.
//!
//! ```text
//!   defaults ─► preset ─► file (YAML or TOML) ─► LINKSPAN_... variables ─► Config, checked
//! ```

mod bus;
mod environment;
mod error;
mod file;
mod ipc;
mod keys;
mod layers;
mod model;
mod performance;
mod places;
mod plugins;
mod security;
mod source;
mod tls;
mod transport;
mod units;
mod variables;

pub(crate) use bus::{Bus, CompatChoice, OverflowChoice, SecondariesChoice};
pub(crate) use environment::{Environment, LogFormat, LogLevel, Preset};
pub(crate) use error::ConfigError;
pub(crate) use ipc::{BackendChoice, Crc32Choice, Ipc};
pub(crate) use layers::{Loaded, Origin, find_file, load, load_text};
pub(crate) use model::{BUILD, Config, VERSION, schema};
pub(crate) use performance::Performance;
pub(crate) use plugins::{PluginTerms, Plugins};
pub(crate) use security::{KeyPlace, Security, TokenType};
pub(crate) use tls::TlsDirectory;
pub(crate) use transport::{DefaultType, Transport};
pub(crate) use units::{Size, Span};
