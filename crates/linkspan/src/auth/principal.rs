//! Principals: peers by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::auth::Method;

/// Who a peer is, as far as that was proved.
///
/// The name begins with how that was, so that no two ways lead to one name: whoever may issue tokens
/// cannot make itself the user `uid:0`.
///
/// | name | who |
/// |---|---|
/// | `uid:1000`, `sid:S-1-...` | a user of the system, by the kernel's word |
/// | `cert:host-1` | the holder of a certificate |
/// | `key:ci` | whoever has the API key of that name |
/// | `jwt:ada` | the subject of a JWT |
/// | `plugin:indexer` | a plugin, by its host's word |
/// | `anonymous` | nobody knows |
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// Its name.
    pub name: String,
    /// Roles that it was given.
    pub roles: Vec<String>,
    /// Further facts, such as `pid`.
    pub attributes: BTreeMap<String, String>,
    /// How it was proved that the peer is this one.
    pub method: Method,
}

impl Principal {
    /// A peer that proved nothing.
    pub fn anonymous() -> Self {
        Self::named(ANONYMOUS)
    }

    /// A peer with a name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            roles: Vec::new(),
            attributes: BTreeMap::new(),
            method: Method::None,
        }
    }

    /// The same principal, proved so.
    #[must_use]
    pub fn proved_by(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same principal with these roles.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Whether nothing was proved.
    pub fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }

    /// Whether it is the user that this process runs as.
    pub fn is_owner(&self) -> bool {
        self.name == *OWNER
    }
}

const ANONYMOUS: &str = "anonymous";

static OWNER: LazyLock<String> = LazyLock::new(|| os::own_credentials().user.to_string());
