//! Principals: peers by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Who a peer is, as far as that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// Its name: `uid:1000` by the kernel's word, `anonymous` where nothing was proved.
    pub name: String,
    /// Roles that it was given.
    pub roles: Vec<String>,
    /// Further facts, such as `pid`.
    pub attributes: BTreeMap<String, String>,
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
        }
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
