//! Rights, as they are written.

use std::fmt;
use std::str::FromStr;

use proto::error::TopicError;
use proto::topic::{Limits, Mask, NameMask};
use thiserror::Error;

use crate::auth::policy::access::{Access, Action, Extent, UnknownAction};

/// A right: to do an action to all that a mask stands for.
///
/// It is written as `ACTION:MASK`. Methods, clients and servers are told by masks of names, in which `?`
/// stands for one level between dots and a last `*` for one or more; topics by masks of topics, with
/// `+` and `#` between slashes. `ACTION:*` is the action done to anything, `*` is everything.
///
/// ```
/// use linkspan::auth::policy::{Access, Action, Capability};
///
/// let right: Capability = "bus.subscribe:news/#".parse().unwrap();
/// assert!(right.covers(&Access::new(Action::BusSubscribe, "news/+/today")));
/// assert!(!right.covers(&Access::new(Action::BusSubscribe, "#")));
/// assert!(!right.covers(&Access::new(Action::BusPublish, "news/local")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// None for all actions.
    action: Option<Action>,
    extent: Extent,
}

impl Capability {
    /// The right to everything.
    pub const EVERYTHING: Self = Self {
        action: None,
        extent: Extent::Everything,
    };

    /// Whether it is enough to do this.
    pub fn covers(&self, access: &Access<'_>) -> bool {
        self.is_of(access.action) && self.extent.contains(access.resource)
    }

    /// Whether a quota within it counts this. What is never a mask is taken at its word, too: nobody gets
    /// around a quota by characters that stand for others in masks.
    pub(crate) fn concerns(&self, access: &Access<'_>) -> bool {
        let is_literal = !access.action.is_done_to_masks();
        self.covers(access)
            || (is_literal && self.is_of(access.action) && self.extent.names(access.resource))
    }

    fn is_of(&self, action: Action) -> bool {
        self.action.is_none_or(|own| own == action)
    }
}

/// A text is no right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CapabilityError {
    /// It has no `:`.
    #[error("{0:?} is no capability, which is ACTION:MASK as in rpc.call:host.*")]
    Form(String),
    /// What stands before the `:` is no action.
    #[error(transparent)]
    Action(#[from] UnknownAction),
    /// What stands behind it is no mask.
    #[error("the mask of {text:?} cannot be used")]
    Mask {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        #[source]
        reason: TopicError,
    },
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        if text == ANYTHING {
            return Ok(Self::EVERYTHING);
        }
        let parts = text.split_once(':').filter(|(_, mask)| !mask.is_empty());
        let (action, mask) = parts.ok_or_else(|| CapabilityError::Form(text.into()))?;
        let action: Action = action.parse()?;
        let limits = Limits::default();
        let extent = if mask == ANYTHING {
            Ok(Extent::Everything)
        } else if action.is_done_to_topics() {
            Mask::new(mask, &limits).map(Extent::Topics)
        } else {
            NameMask::new(mask, &limits).map(Extent::Names)
        };
        let extent = extent.map_err(|reason| CapabilityError::Mask {
            text: text.into(),
            reason,
        })?;
        let action = Some(action);
        Ok(Self { action, extent })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(action) = self.action {
            write!(f, "{action}:")?;
        }
        f.write_str(match &self.extent {
            Extent::Everything => ANYTHING,
            Extent::Names(mask) => mask.as_str(),
            Extent::Topics(mask) => mask.as_str(),
        })
    }
}

const ANYTHING: &str = "*";
