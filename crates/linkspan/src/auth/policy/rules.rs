//! The rules together.

use std::fmt;
use std::sync::Arc;

use crate::auth::Principal;
use crate::auth::policy::decision::{Decision, Rule};
use crate::auth::policy::{Access, Roles};

/// Who may do what.
///
/// Asked in this order, the first that has an answer decides:
///
/// 1. a condition that forbids it;
/// 2. the owner, who is the user that this process runs as, by the kernel's word, may do everything,
///    unless it is [as all others](Self::without_owner);
/// 3. a role that the principal is in and that has the right;
/// 4. a condition that permits it;
/// 5. nothing permits it, so it is denied.
///
/// ```
/// use linkspan::auth::Principal;
/// use linkspan::auth::policy::{Access, Action, Policy, Role, Roles};
///
/// let reader = Role::new(["rpc.call:host.*".parse().unwrap()]).with_members(["alice"]);
/// let policy = Policy::new(Roles::new().with("reader", reader));
/// let alice = Principal::named("alice");
/// let call = |method| policy.decide(&alice, &Access::new(Action::RpcCall, method));
/// assert!(call("host.health").permitted);
/// assert_eq!(call("vault.open").rule.to_string(), "nothing permits it");
/// ```
#[derive(Clone, Default)]
pub struct Policy {
    owner_needs_rights: bool,
    roles: Roles,
    conditions: Option<Arc<dyn Judge>>,
}

/// Further rules, that look at more than names.
pub(super) trait Judge: fmt::Debug + Send + Sync {
    /// What they say of it, where `roles` are all that the principal has; none if nothing.
    fn judge(&self, principal: &Principal, roles: &[&str], access: &Access<'_>)
    -> Option<Decision>;
}

impl Policy {
    /// The owner may do everything, others what their roles permit.
    pub fn new(roles: Roles) -> Self {
        Self {
            roles,
            ..Self::default()
        }
    }

    /// The same policy, where the owner may do no more than others with the same roles.
    #[must_use]
    pub fn without_owner(mut self) -> Self {
        self.owner_needs_rights = true;
        self
    }

    #[cfg(feature = "policy")]
    pub(super) fn with_judge(mut self, conditions: Arc<dyn Judge>) -> Self {
        self.conditions = Some(conditions);
        self
    }

    /// Whether a principal may do something, and what says so.
    pub fn decide(&self, principal: &Principal, access: &Access<'_>) -> Decision {
        let conditions = self.conditions.as_ref();
        let judged = conditions.and_then(|conditions| {
            let roles: Vec<_> = self.roles.of(principal).collect();
            conditions.judge(principal, &roles, access)
        });
        match judged {
            Some(judged) if !judged.permitted => judged,
            _ if principal.is_owner() && !self.owner_needs_rights => Decision::permit(Rule::Owner),
            judged => match self.roles.granting(principal, access) {
                Some(rule) => Decision::permit(rule.clone()),
                None => judged.unwrap_or_else(|| Decision::deny(Rule::Nothing)),
            },
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("owner_needs_rights", &self.owner_needs_rights)
            .field("roles", &self.roles)
            .field("conditions", &self.conditions)
            .finish()
    }
}
