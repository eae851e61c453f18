//! Roles: rights under a name, and who has them.

use std::collections::BTreeMap;
use std::fmt;

use crate::auth::Principal;
use crate::auth::policy::{Access, Capability, Rule};

/// Rights that go together, and principals that have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Role {
    /// What those in the role may do.
    pub capabilities: Vec<Capability>,
    /// Names of principals that are in the role whatever their credentials say. `cert:*` is every holder
    /// of a certificate, and so on; `*` is everybody who proved who they are.
    pub members: Vec<String>,
}

impl Role {
    /// A role with these rights and without members.
    pub fn new(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        Self {
            capabilities: capabilities.into_iter().collect(),
            members: Vec::new(),
        }
    }

    /// The same role with further members.
    #[must_use]
    pub fn with_members<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.members.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether a principal is a member.
    pub fn has_member(&self, principal: &Principal) -> bool {
        self.members
            .iter()
            .any(|member| match member.strip_suffix('*') {
                Some("") => !principal.is_anonymous(),
                Some(kind) if kind.ends_with(':') => principal.name.starts_with(kind),
                _ => *member == principal.name,
            })
    }
}

/// All roles, by name.
#[derive(Clone, Default)]
pub struct Roles(BTreeMap<String, Granting>);

/// A role, and what is said when one of its rights decides.
#[derive(Clone)]
struct Granting {
    role: Role,
    rules: Vec<Rule>,
}

impl Roles {
    /// No roles, so that all but the owner may do nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same roles and a further one, or another one of that name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, role: Role) -> Self {
        let name = name.into();
        let rules = role.capabilities.iter().map(|capability| Rule::Role {
            role: name.as_str().into(),
            capability: capability.to_string().into(),
        });
        let rules = rules.collect();
        let granting = Granting { role, rules };
        self.0.insert(name, granting);
        self
    }

    /// The roles that a principal has, by its credentials or as a member.
    pub(super) fn of<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a str> {
        let proved = principal.roles.iter().map(String::as_str);
        let roles = self.0.iter();
        let members = roles.filter(|(_, granting)| granting.role.has_member(principal));
        proved.chain(members.map(|(name, _)| name.as_str()))
    }

    /// The right of a role that permits it to this principal, if one does.
    pub(super) fn granting(&self, principal: &Principal, access: &Access<'_>) -> Option<&Rule> {
        let has = |name: &String, granting: &Granting| {
            principal.roles.contains(name) || granting.role.has_member(principal)
        };
        let roles = self.0.iter().filter(|(name, granting)| has(name, granting));
        let mut rights = roles.flat_map(|(_, granting)| {
            let capabilities = granting.role.capabilities.iter();
            capabilities.zip(&granting.rules)
        });
        let (_, rule) = rights.find(|(capability, _)| capability.covers(access))?;
        Some(rule)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.0.iter().map(|(name, granting)| (name, &granting.role));
        f.debug_map().entries(roles).finish()
    }
}
