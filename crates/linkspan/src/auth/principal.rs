//! Principals: peers by name.

use std::collections::BTreeMap;

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
        Self::named("anonymous")
    }

    /// A peer with a name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            roles: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }
}
