//! The section `performance`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::units::{Millis, whole};

/// How much is done at once, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Performance {
    /// Whether a connection carries many requests at once; if not, one after the other.
    pub(crate) enable_multiplexing: bool,
    /// Requests of one connection that are handled at once; further ones wait at their caller.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_concurrent_requests: u32,
    /// Longest time until a handler gives its answer, or begins its stream; without limit if it
    /// is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_timeout_ms: Option<Millis>,
}

impl Default for Performance {
    fn default() -> Self {
        Self {
            enable_multiplexing: true,
            max_concurrent_requests: 1024,
            request_timeout_ms: None,
        }
    }
}
