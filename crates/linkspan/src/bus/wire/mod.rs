//! Everything that native clients and a broker say to each other (docs/protocol.md, section 20), and
//! what `.broker` answers. The frames of BUS/RT are in `proto::frame::busrt`.

mod codec;
mod dead_letters;
mod headers;
mod introspection;
mod operation;
mod probe;
mod record;
mod request;
mod tap;
#[cfg(test)]
mod tests;

pub use dead_letters::{DeadLetter, DeadLetterFilter, DeadReason, ReplayProblem, Replayed};
pub use headers::{Headers, HeadersTooLong};
pub use introspection::ClientInfo;
pub use probe::probe;

pub(crate) use codec::{SEALED, codec_number, codec_of};
pub(crate) use dead_letters::{
    DeadLetterPage, DroppedDeadLetters, ListDeadLetters, ShowDeadLetter, WholeDeadLetter,
};
pub(crate) use headers::{RECEIVER, REQUIRED};
pub(crate) use introspection::{ClientList, Filter, Info, Test, Traffic};
pub(crate) use operation::{Operation, Outcome, Receipt, Ticket};
pub(crate) use record::{Record, RecordKind};
pub(crate) use request::{Attach, Attached, Subscribe, Watch, Will};
pub(crate) use tap::{Tap, TapKind, fits};

/// The methods and events of a broker.
pub(crate) mod method {
    /// Gets a name; the answer's items are what is sent to it.
    pub(crate) const ATTACH: &str = "bus.attach";
    /// Gives the name back, without a last will.
    pub(crate) const LEAVE: &str = "bus.leave";
    /// Wants publications; the answer's items are they.
    pub(crate) const SUBSCRIBE: &str = "bus.subscribe";
    /// Wants to see what others send; the answer's items are that.
    pub(crate) const TAP: &str = "bus.tap";
    /// Publishes; also an event.
    pub(crate) const PUBLISH: &str = "bus.publish";
    /// Publishes for one primary client; also an event.
    pub(crate) const PUBLISH_FOR: &str = "bus.publish_for";
    /// Sends to one client; also an event.
    pub(crate) const SEND: &str = "bus.send";
    /// Sends a call to one client of a known number; only an event.
    pub(crate) const CALL: &str = "bus.call";
    /// Sends to all clients whose names are alike; also an event.
    pub(crate) const BROADCAST: &str = "bus.broadcast";
    /// Waits until a client is gone.
    pub(crate) const WATCH: &str = "bus.watch";
    /// Lists the clients.
    pub(crate) const CLIENTS: &str = "bus.clients";
    /// Lists dead letters.
    pub(crate) const DLQ_LIST: &str = "bus.dlq.list";
    /// Shows a dead letter.
    pub(crate) const DLQ_SHOW: &str = "bus.dlq.show";
    /// Delivers dead letters after all.
    pub(crate) const DLQ_REPLAY: &str = "bus.dlq.replay";
    /// Forgets dead letters.
    pub(crate) const DLQ_DROP: &str = "bus.dlq.drop";
    /// Those about which the broker is asked whether, and how often, its clients may.
    pub(crate) const ADMITTED: [&str; 11] = [
        SUBSCRIBE,
        TAP,
        PUBLISH,
        PUBLISH_FOR,
        SEND,
        CALL,
        BROADCAST,
        DLQ_LIST,
        DLQ_SHOW,
        DLQ_REPLAY,
        DLQ_DROP,
    ];
}

/// What is received makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of a message is malformed")]
pub(crate) struct Malformed(pub(crate) &'static str);
