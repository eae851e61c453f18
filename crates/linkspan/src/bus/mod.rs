//! Publish, subscribe, send and call through a broker.

mod access;
mod broker;
mod busrt;
mod client;
mod config;
mod error;
mod native;
mod wire;

pub use access::Action;
pub use broker::{Broker, BrokerStats, Embedded, Serving};
pub use client::{
    Client, ClientConfig, Delivery, Gap, Inbox, Message, MessageKind, Post, Presence,
    PresenceEvent, Remote, Subscribe, Subscription,
};
pub use config::{Compat, Config, Overflow, Secondaries};
pub use error::{ConfigError, ConnectError, JoinError, PostError, ServeError, SubscribeError};
pub use proto::topic::Mask;
pub use wire::{ClientInfo, Headers, HeadersTooLong};

pub(crate) use config::QueueLimits;
