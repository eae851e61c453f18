//! What somebody wants to do.

use std::fmt;
use std::str::FromStr;

use proto::topic::{Limits, Mask, NameMask};
use thiserror::Error;

/// Something that can be permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Call a method, by its name.
    RpcCall,
    /// Send an event, by its topic.
    RpcEvent,
    /// Publish under a topic.
    BusPublish,
    /// Subscribe to the topics of a mask.
    BusSubscribe,
    /// Send to the client of a name, or to all whose names a mask stands for.
    BusSend,
    /// Have a name. There are no rights to it: a broker decides by itself, and tells only what it denies.
    BusJoin,
    /// Watch what others send; always on all topics, `#`.
    BusTap,
    /// See messages that could not be delivered, and have them delivered or forgotten; always on all
    /// topics, `#`.
    BusDeadLetters,
    /// Ask a server of exchanges, by the name that it has for this.
    ExchangeSend,
    /// Have a daemon run commands, by its id.
    DaemonCommand,
    /// Ask a daemon about itself, or to end, by the verb: `status`, `logs`, `stop`, `drain`, `restart`.
    DaemonControl,
    /// Start a plugin, by its name.
    PluginStart,
    /// Stop a plugin, by its name.
    PluginStop,
    /// Read what a plugin logs, by its name.
    PluginLogs,
}

impl Action {
    /// All that there are rights to.
    pub const ALL: &[Self] = &[
        Self::RpcCall,
        Self::RpcEvent,
        Self::BusPublish,
        Self::BusSubscribe,
        Self::BusSend,
        Self::BusTap,
        Self::BusDeadLetters,
        Self::ExchangeSend,
        Self::DaemonCommand,
        Self::DaemonControl,
        Self::PluginStart,
        Self::PluginStop,
        Self::PluginLogs,
    ];

    /// Its name, as in capabilities: `rpc.call`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RpcCall => "rpc.call",
            Self::RpcEvent => "rpc.event",
            Self::BusPublish => "bus.publish",
            Self::BusSubscribe => "bus.subscribe",
            Self::BusSend => "bus.send",
            Self::BusJoin => "bus.join",
            Self::BusTap => "bus.tap",
            Self::BusDeadLetters => "bus.dead_letters",
            Self::ExchangeSend => "exchange.send",
            Self::DaemonCommand => "daemon.command",
            Self::DaemonControl => "daemon.control",
            Self::PluginStart => "plugin.start",
            Self::PluginStop => "plugin.stop",
            Self::PluginLogs => "plugin.logs",
        }
    }

    /// Whether what it is done to is told by topics rather than by names.
    pub(super) fn is_done_to_topics(self) -> bool {
        match self {
            Self::RpcCall
            | Self::BusSend
            | Self::BusJoin
            | Self::ExchangeSend
            | Self::DaemonCommand
            | Self::DaemonControl
            | Self::PluginStart
            | Self::PluginStop
            | Self::PluginLogs => false,
            Self::RpcEvent
            | Self::BusPublish
            | Self::BusSubscribe
            | Self::BusTap
            | Self::BusDeadLetters => true,
        }
    }

    /// Whether it may be done to all that a mask stands for, at once.
    pub(super) fn is_done_to_masks(self) -> bool {
        let with_masks = [
            Self::BusSubscribe,
            Self::BusSend,
            Self::BusTap,
            Self::BusDeadLetters,
        ];
        with_masks.contains(&self)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No action has this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is no action; actions are {}", names())]
pub struct UnknownAction {
    name: String,
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == text);
        found
            .copied()
            .ok_or_else(|| UnknownAction { name: text.into() })
    }
}

fn names() -> String {
    let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    names.join(", ")
}

/// An action, and what it would be done to.
///
/// What it would be done to may be a mask, that of a subscription or of a broadcast: then a right
/// has to stand for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access<'a> {
    /// What would be done.
    pub action: Action,
    /// To what: the name of a method, a client, a server, a verb or a plugin, a topic, or a mask of
    /// them.
    pub resource: &'a str,
}

impl<'a> Access<'a> {
    /// To do `action` to `resource`.
    pub fn new(action: Action, resource: &'a str) -> Self {
        Self { action, resource }
    }

    /// Whether it would be done to more than one method, topic or client.
    #[cfg(feature = "policy")]
    pub(super) fn is_of_mask(&self) -> bool {
        let limits = Limits::default();
        let is_literal = if self.action.is_done_to_topics() {
            Mask::new(self.resource, &limits).is_ok_and(|mask| mask.is_literal())
        } else {
            NameMask::new(self.resource, &limits).is_ok_and(|mask| mask.is_literal())
        };
        !is_literal
    }
}

/// `rpc.call:host.health`, as capabilities are written.
impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.action, self.resource)
    }
}

/// What a right stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Extent {
    Everything,
    Names(NameMask),
    Topics(Mask),
}

impl Extent {
    /// Whether it has what is called `resource`, letter by letter.
    pub(super) fn names(&self, resource: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Names(mask) => mask.matches(resource),
            Self::Topics(mask) => mask.matches(resource),
        }
    }

    /// Whether all of `resource` is within.
    pub(super) fn contains(&self, resource: &str) -> bool {
        match self {
            Self::Everything => true,
            // What has no wildcard is compared as it stands, which allocates nothing.
            Self::Names(mask) if !resource.contains(['?', '*']) => mask.matches(resource),
            Self::Topics(mask) if !resource.contains(['+', '#']) => mask.matches(resource),
            Self::Names(mask) => NameMask::new(resource, &Limits::default())
                .is_ok_and(|wanted| wanted.is_subset_of(mask)),
            Self::Topics(mask) => Mask::new(resource, &Limits::default())
                .is_ok_and(|wanted| wanted.is_subset_of(mask)),
        }
    }
}
