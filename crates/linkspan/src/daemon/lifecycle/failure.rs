//! `failure.json`: why the last start failed, for those who waited for it.
//!
//! A client that finds the spawn lock taken looks here before it waits and after. If the file is
//! another then, somebody has tried and failed meanwhile, and trying once more would only keep
//! everybody waiting for the same answer.

use serde_json::{Value, json};

use crate::daemon::lifecycle::Places;

/// A start that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Tells it from others of the same words.
    attempt: u64,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let attempt = os::random_bytes().map_or(0, u64::from_ne_bytes);
        Self {
            attempt,
            message: message.into(),
        }
    }

    /// The last one, if there was one. Whoever cannot read it tries to start the daemon himself.
    pub(crate) fn last(places: &Places) -> Option<Self> {
        let bytes = places.read(FILE).ok().flatten()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        Some(Self {
            attempt: value.get("attempt")?.as_u64()?,
            message: value.get("message")?.as_str()?.to_owned(),
        })
    }

    /// Tells those who wait.
    pub(crate) fn publish(&self, places: &Places) {
        let value = json!({ "attempt": self.attempt, "message": self.message });
        // On a full disk they find out themselves.
        places.write(FILE, value.to_string().as_bytes()).ok();
    }
}

const FILE: &str = "failure.json";
