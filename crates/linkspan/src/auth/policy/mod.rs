//! Who may do what: rights, roles, and conditions.
//!
//! A [`Capability`] such as `rpc.call:host.*` permits an [`Action`] on all that a mask stands for. A
//! [`Role`] has capabilities and members. A [`Policy`] puts them together, with conditions in the
//! language Cedar where the feature `policy` is on, and gives a [`Decision`] that names the rule.

mod access;
mod capability;
#[cfg(feature = "policy")]
mod conditions;
mod decision;
mod guard;
mod roles;
mod rules;

pub use access::{Access, Action, UnknownAction};
pub use capability::{Capability, CapabilityError};
#[cfg(feature = "policy")]
pub use conditions::ConditionsError;
pub use decision::{Decision, Rule};
pub use guard::{Guard, GuardStats};
pub use roles::{Role, Roles};
pub use rules::Policy;

pub(crate) use guard::Refused;
