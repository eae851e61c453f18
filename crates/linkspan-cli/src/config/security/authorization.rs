//! The section `security.authorization`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use linkspan::auth::Principal;
use linkspan::auth::policy::{Capability, ConditionsError, Policy, Role, Roles};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::Plugins;

/// What those may do who come: the node's own user everything, others what their roles and the
/// conditions permit. Without roles and conditions, that is everything for whoever shows a certificate, a
/// key or a token, and nothing for others.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "keys that do not depend on each other"
)]
pub(crate) struct Authorization {
    /// Whether roles permit anything.
    pub(crate) rbac_enabled: bool,
    /// Whether the conditions of `policy_engine` are asked.
    pub(crate) abac_enabled: bool,
    /// The set of conditions: a folder of files in Cedar, whose names end in `.cedar`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_engine: Option<PathBuf>,
    /// Whether the user that the node runs as may do everything.
    pub(crate) owner_may_all: bool,
    /// Roles by name: a list of rights such as `rpc.call:host.*`, or `capabilities` and `members`.
    pub(crate) roles: BTreeMap<String, Entry>,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            rbac_enabled: true,
            abac_enabled: true,
            policy_engine: None,
            owner_may_all: true,
            roles: BTreeMap::new(),
        }
    }
}

impl Authorization {
    /// Whether anything is said about others than the owner.
    pub(crate) fn is_set(&self) -> bool {
        !self.roles.is_empty() || self.policy_engine.is_some()
    }

    /// The rules, with the conditions as the files say now; plugins may do what they were granted.
    pub(crate) fn policy(&self, plugins: &Plugins) -> Result<Policy, ConditionsError> {
        let add = |roles: Roles, (name, role): (String, Role)| roles.with(name, role);
        let mut policy = Policy::new(plugins.roles().fold(self.roles(), add));
        if !self.owner_may_all {
            policy = policy.without_owner();
        }
        match self.asked_conditions() {
            Some(folder) => policy.conditions(folder),
            None => Ok(policy),
        }
    }

    /// The roles that somebody has, by credentials that give `proved` or as a member, with their rights.
    pub(crate) fn roles_of(
        &self,
        plugins: &Plugins,
        principal: &str,
        proved: &[String],
    ) -> BTreeMap<String, Vec<String>> {
        let principal = Principal::named(principal);
        let entries = self.entries().map(|(name, role)| (name.to_owned(), role));
        let roles = entries.chain(plugins.roles()).filter(|(name, role)| {
            proved.iter().any(|given| given == name) || role.has_member(&principal)
        });
        let rights = |role: &Role| role.capabilities.iter().map(ToString::to_string).collect();
        roles.map(|(name, role)| (name, rights(&role))).collect()
    }

    /// The set of conditions, if it is asked.
    pub(crate) fn asked_conditions(&self) -> Option<&Path> {
        self.policy_engine.as_deref().filter(|_| self.abac_enabled)
    }

    fn roles(&self) -> Roles {
        let add = |roles: Roles, (name, role)| roles.with(name, role);
        self.entries().fold(Roles::new(), add)
    }

    /// The roles that are asked. As long as nothing is said of others than the owner, whoever shows a
    /// certificate, a key or a token that the configuration takes may do everything.
    fn entries(&self) -> impl Iterator<Item = (&str, Role)> {
        let holders =
            Role::new([Capability::EVERYTHING]).with_members(["cert:*", "key:*", "jwt:*"]);
        let holders = (!self.is_set()).then_some(("holders of credentials", holders));
        let roles = self.roles.iter().filter(|_| self.rbac_enabled);
        let roles = roles.map(|(name, entry)| {
            let rights = entry.capabilities.iter().map(|right| right.0.clone());
            (
                name.as_str(),
                Role::new(rights).with_members(&entry.members),
            )
        });
        holders.into_iter().chain(roles)
    }
}

/// A role as it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    capabilities: Vec<Right>,
    members: Vec<String>,
}

/// As short as it can be written.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.members.is_empty() {
            return self.capabilities.serialize(serializer);
        }
        let section = Section {
            capabilities: self.capabilities.clone(),
            members: self.members.clone(),
        };
        section.serialize(serializer)
    }
}

/// The same where it is a section.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Section {
    /// What those in the role may do.
    #[serde(default)]
    capabilities: Vec<Right>,
    /// Names of principals that are in it, such as `uid:1000`, `cert:host-1` and `anonymous`; `cert:*` is
    /// every holder of a certificate, and so on; `*` is everybody who proved who they are.
    #[serde(default)]
    members: Vec<String>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rights, or a section with `capabilities` and `members`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rights: A) -> Result<Entry, A::Error> {
        Ok(Entry {
            capabilities: Vec::deserialize(SeqAccessDeserializer::new(rights))?,
            members: Vec::new(),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, section: A) -> Result<Entry, A::Error> {
        let section = Section::deserialize(MapAccessDeserializer::new(section))?;
        Ok(Entry {
            capabilities: section.capabilities,
            members: section.members,
        })
    }
}

impl JsonSchema for Entry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Role".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rights = generator.subschema_for::<Vec<Right>>();
        let section = generator.subschema_for::<Section>();
        json_schema!({ "anyOf": [rights, section] })
    }
}

/// A right as it is written.
#[derive(Debug, Clone)]
struct Right(Capability);

impl<'de> Deserialize<'de> for Right {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Right {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Right {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Right".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A right: ACTION:MASK, ACTION:* or *.",
            "examples": ["rpc.call:host.*", "bus.publish:events/#"],
        })
    }
}
