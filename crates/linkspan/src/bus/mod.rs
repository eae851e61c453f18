//! Publish, subscribe, send and call through a broker.

mod access;
mod broker;
mod busrt;
mod config;
mod error;

pub use access::Action;
pub use broker::{Broker, BrokerStats, Serving};
pub use config::{Compat, Config, Overflow, Secondaries};
pub use error::{ConfigError, JoinError, ServeError};

pub(crate) use config::QueueLimits;
