//! Native clients of a broker.

mod answering;
mod calls;
mod config;
mod convention;
mod dead_letters;
mod handle;
mod inbox;
mod link;
mod message;
mod post;
mod presence;
mod records;
mod remote;
#[cfg(feature = "seal")]
mod sealed;
mod slot;
mod subscription;
mod tap;

pub use config::ClientConfig;
pub use dead_letters::DeadMessage;
pub use handle::Client;
pub use inbox::Inbox;
pub use message::{Gap, Message, MessageKind};
pub use post::{Delivery, Post};
pub use presence::{Presence, PresenceEvent};
pub use remote::Remote;
#[cfg(feature = "seal")]
pub use sealed::{OpenedInbox, OpenedSubscription, SealedClient};
pub use subscription::{Subscribe, Subscription};
pub use tap::{CallPart, Tap, Tapped, Tapping};
