//! Who may do what on a bus.

use std::fmt;
use std::sync::Arc;

use proto::topic::Mask;

use crate::auth::Principal;
use crate::auth::policy::{Access, Action as Permission, Guard, Refused, Rule as PolicyRule};
use crate::auth::quota::Place;
use crate::bus::broker::Member;

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Publish under a topic.
    Publish(&'a str),
    /// Subscribe to all topics of a mask. A right to masks covers it if it
    /// [is a subset](Mask::is_subset_of) of one of them.
    Subscribe(&'a Mask),
    /// Send to the client of a name, or, in a broadcast, to all whose names a mask stands for.
    Send(&'a str),
    /// Watch what others send, whoever they are. Whoever may, sees everything.
    Tap,
    /// See messages that could not be delivered, whoever sent them, have them delivered or forgotten.
    DeadLetters,
}

/// Decides who may do what; asked at each operation of each client.
#[derive(Clone, Default)]
pub(crate) enum Authorize {
    #[default]
    Nobody,
    Rule(Rule),
    Guard(Guard),
}

type Rule = Arc<dyn Fn(&Principal, Action<'_>) -> bool + Send + Sync>;

impl Authorize {
    /// Whether what was permitted is asked about again.
    pub(crate) fn can_change(&self) -> bool {
        matches!(self, Self::Guard(_))
    }

    /// Has somebody look again at what was permitted, until it says false.
    pub(crate) fn on_replaced(&self, review: impl Fn() -> bool + Send + Sync + 'static) {
        if let Self::Guard(guard) = self {
            guard.on_replaced(review);
        }
    }

    /// Whether a client may do it.
    pub(crate) fn permits(&self, member: &Member, action: Action<'_>) -> bool {
        match self {
            Self::Nobody => true,
            Self::Rule(rule) => rule(member.principal(), action),
            Self::Guard(guard) => guard.decide(member.principal(), &action.into()).permitted,
        }
    }

    /// Lets one operation of a client begin that does all of this, until its place is dropped.
    pub(crate) fn admit<'a>(
        &self,
        member: &Member,
        actions: &[Action<'a>],
    ) -> Result<Place, Refused<'a>> {
        if let Self::Guard(guard) = self {
            return match actions {
                // Most operations, without an allocation.
                [action] => guard.admit(member.principal(), &[(*action).into()]),
                actions => guard.admit(member.principal(), &accesses(actions)),
            };
        }
        match actions
            .iter()
            .find(|action| !self.permits(member, **action))
        {
            Some(action) => Err(Refused::Denied((*action).into())),
            None => Ok(Place::default()),
        }
    }

    /// Takes what such an operation costs, whether or not it may be done.
    pub(crate) fn charge<'a>(
        &self,
        member: &Member,
        actions: &[Action<'a>],
    ) -> Result<Place, Refused<'a>> {
        match self {
            Self::Guard(guard) => guard.charge(member.principal(), &accesses(actions)),
            Self::Nobody | Self::Rule(_) => Ok(Place::default()),
        }
    }

    /// Refuses what nobody may do, whatever was granted to them.
    pub(crate) fn refuse<'a>(
        &self,
        principal: &Principal,
        access: Access<'a>,
        rule: PolicyRule,
    ) -> Refused<'a> {
        match self {
            Self::Guard(guard) => guard.refuse(principal, access, rule),
            Self::Nobody | Self::Rule(_) => Refused::Denied(access),
        }
    }
}

/// Under the topics of the broker only the broker publishes.
pub(crate) const RESERVED: PolicyRule = PolicyRule::Fixed {
    name: "reserved",
    text: "the topic is the broker's own",
};

/// A secondary client is of the same peer as its primary.
pub(crate) const FOREIGN_SECONDARY: PolicyRule = PolicyRule::Fixed {
    name: "foreign_secondary",
    text: "the primary client is another peer",
};

fn accesses<'a>(actions: &[Action<'a>]) -> Vec<Access<'a>> {
    actions.iter().map(|action| (*action).into()).collect()
}

impl<'a> From<Action<'a>> for Access<'a> {
    fn from(action: Action<'a>) -> Self {
        match action {
            Action::Publish(topic) => Self::new(Permission::BusPublish, topic),
            Action::Subscribe(mask) => Self::new(Permission::BusSubscribe, mask.as_str()),
            Action::Send(name) => Self::new(Permission::BusSend, name),
            Action::Tap => Self::new(Permission::BusTap, ALL_TOPICS),
            Action::DeadLetters => Self::new(Permission::BusDeadLetters, ALL_TOPICS),
        }
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("everybody may do everything"),
            Self::Rule(_) => f.write_str("a rule"),
            Self::Guard(guard) => guard.fmt(f),
        }
    }
}

const ALL_TOPICS: &str = "#";
