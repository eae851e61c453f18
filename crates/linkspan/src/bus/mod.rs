//! Publish, subscribe, send and call through a broker.
//!
//! ```text
//!  Client "sensor" ──┐   session    ┌────────────────┐   session    ┌── Client "logger"
//!                    ├══════════════┤     Broker     ├══════════════┤     Subscription
//!  Client "worker" ──┘   streams    │ who wants what │    BUS/RT    └── a client in Python
//!                        calls      │  their queues  │    frames
//!                                   └────────────────┘
//! ```
//!
//! A [`Broker`] stands alone, [listens](Broker::listen) in any process, or is
//! [part](Broker::embed) of a server of [rpc](crate::rpc), by the same connections. Its clients are
//! [`Client`]s, and unmodified ones of BUS/RT's protocol version 1, at the same address. Every client
//! has a name.
//!
//! | to | do |
//! |---|---|
//! | tell whoever wants to know | [`Client::publish`], [`Client::subscribe`] |
//! | spread work | [`Subscribe::group`] |
//! | tell one client, or all whose names are alike | [`Client::send`], [`Client::broadcast`], [`Client::inbox`] |
//! | ask one client | [`Client::serve`], [`Client::remote`] |
//! | know who is there | [`Client::presence`], [`Client::clients`], [`ClientConfig::will`] |
//! | decide who may do what | [`Broker::authorize`] |
//! | watch what others send | [`Client::tap`] |
//! | keep what is said from the broker | `Client::sealed`, with the feature `seal` |
//!
//! Queues are bounded, and each subscription says what is done when its own is full: [`Overflow`]. What
//! was dropped is counted, and the next message [says so](Message::gap).
//!
//! # Examples
//!
//! ```
//! use linkspan::bus::{Broker, Client, Delivery};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Broker::new().listen("mem:bus").await?;
//!
//! let logger = Client::connect("mem:bus", "logger").await?;
//! let mut readings = logger.subscribe("house/+/temperature").await?;
//!
//! let sensor = Client::connect("mem:bus", "sensor").await?;
//! let delivery = sensor.publish("house/kitchen/temperature", &21.5).await?;
//! assert_eq!(delivery, Delivery::Delivered);
//!
//! let reading = readings.next().await.ok_or("the bus is gone")??;
//! assert_eq!(reading.topic(), "house/kitchen/temperature");
//! assert_eq!(reading.decode::<f64>()?, 21.5);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```

mod access;
mod broker;
mod busrt;
mod client;
mod config;
mod error;
mod native;
mod rates;
#[cfg(feature = "validation")]
mod schemas;
mod wire;

pub use access::Action;
pub use broker::{Broker, BrokerStats, Embedded, Serving};
pub use client::{
    CallPart, Client, ClientConfig, DeadMessage, Delivery, Gap, Inbox, Message, MessageKind, Post,
    Presence, PresenceEvent, Remote, Subscribe, Subscription, Tap, Tapped, Tapping,
};
#[cfg(feature = "seal")]
pub use client::{OpenedInbox, OpenedSubscription, SealedClient};
pub use config::{Compat, Config, DeadLetters, Overflow, Secondaries};
#[cfg(feature = "seal")]
pub use error::ReceiveError;
pub use error::{ConfigError, ConnectError, JoinError, PostError, ServeError, SubscribeError};
pub use proto::topic::Mask;
pub use rates::{Rate, Rates};
#[cfg(feature = "validation")]
pub use schemas::{SchemaError, Schemas};
#[doc(hidden)]
pub use wire::probe;
pub use wire::{
    ClientInfo, DeadLetter, DeadLetterFilter, DeadReason, Headers, HeadersTooLong, ReplayProblem,
    Replayed,
};

pub(crate) use config::QueueLimits;
