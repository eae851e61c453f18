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
    /// Names of principals that are in the role whatever their credentials say; `*` is everybody who
    /// proved who they are.
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
}

/// All roles, by name.
#[derive(Clone, Default)]
pub struct Roles(BTreeMap<String, Granting>);

/// A role, and what is said when one of its rights decides.
#[derive(Clone)]
struct Granting {
    members: Vec<String>,
    rights: Vec<(Capability, Rule)>,
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
        let rights = role.capabilities.into_iter().map(|capability| {
            let rule = Rule::Role {
                role: name.as_str().into(),
                capability: capability.to_string().into(),
            };
            (capability, rule)
        });
        let granting = Granting {
            rights: rights.collect(),
            members: role.members,
        };
        self.0.insert(name, granting);
        self
    }

    /// The roles that a principal has, by its credentials or as a member.
    pub(super) fn of<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a str> {
        let proved = principal.roles.iter().map(String::as_str);
        let roles = self.0.iter();
        let members = roles.filter(|(_, role)| role.has_member(principal));
        proved.chain(members.map(|(name, _)| name.as_str()))
    }

    /// The right of a role that permits it to this principal, if one does.
    pub(super) fn granting(&self, principal: &Principal, access: &Access<'_>) -> Option<&Rule> {
        let roles = self.0.iter();
        let mut rights = roles
            .filter(|(name, role)| principal.roles.contains(name) || role.has_member(principal))
            .flat_map(|(_, role)| &role.rights);
        let (_, rule) = rights.find(|(capability, _)| capability.covers(access))?;
        Some(rule)
    }
}

impl Granting {
    fn has_member(&self, principal: &Principal) -> bool {
        let is_anybody = |member: &str| member == ANYBODY && !principal.is_anonymous();
        self.members
            .iter()
            .any(|member| *member == principal.name || is_anybody(member))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.0.iter().map(|(name, role)| {
            let rights = role.rights.iter().map(|(right, _)| right.to_string());
            (name, (rights.collect::<Vec<_>>(), &role.members))
        });
        f.debug_map().entries(roles).finish()
    }
}

const ANYBODY: &str = "*";
