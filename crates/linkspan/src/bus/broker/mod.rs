//! The broker: one core that knows no wire, and the connections that speak one.

mod backlog;
mod core;
mod dead_letters;
mod embedded;
mod events;
mod flow;
mod front;
mod group;
mod latest;
mod ledger;
mod masks;
mod member;
mod memory;
mod message;
mod publisher;
mod queue;
mod replay;
mod rules;
mod server;
mod service;
mod serving;
mod stats;
mod subscription;
mod tap;
#[cfg(test)]
mod tests;

pub use embedded::Embedded;
pub use server::Broker;
pub use serving::Serving;
pub use stats::BrokerStats;

pub(crate) use core::{Core, Wanted};
pub(crate) use dead_letters::Chosen;
pub(crate) use events::is_reserved;
pub(crate) use member::{Farewell, Member, Origin};
pub(crate) use message::{Extras, Message};
pub(crate) use publisher::{Delivery, Given, Publisher, Waiting};
pub(crate) use queue::{Item, Outlet, Queue};
pub(crate) use rules::{Check, Refusal};
pub(crate) use service::clients;
pub(crate) use subscription::{MOST_EXCLUSIONS, Subscription};
pub(crate) use tap::{Tap, Wish};
