//! Kind 6: Linkspan's own failure, never the application's (docs/protocol.md, section 2.6).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Category, Code, MessageError};

/// Why a stream or a session failed, as it is told to the peer.
///
/// It displays as its message followed by its causes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// What kind of failure it is.
    pub category: Category,
    /// Which failure it is.
    pub code: Code,
    /// What happened, for people.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long to wait before that.
    pub retry_after: Option<Duration>,
    /// What led to it, the nearest cause first.
    pub causes: Vec<String>,
}

impl Failure {
    /// Makes a failure that is not worth a second try.
    pub fn new(category: Category, code: Code, message: impl Into<String>) -> Self {
        Self {
            category,
            code,
            message: message.into(),
            retryable: false,
            retry_after: None,
            causes: Vec::new(),
        }
    }

    /// The same failure, worth a second try after `wait`.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retryable = true;
        self.retry_after = Some(wait);
        self
    }

    /// The same failure with the chain of `error`'s sources as its causes.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause.filter(|_| self.causes.len() < MAX_CAUSES) {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let wire = Wire {
            category: self.category.name().into(),
            code: self.code.clone(),
            message: truncated(&self.message),
            retryable: self.retryable,
            retry_after_ms: self
                .retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            causes: self
                .causes
                .iter()
                .take(MAX_CAUSES)
                .map(|cause| truncated(cause))
                .collect(),
        };
        rmp_serde::encode::write_named(out, &wire).expect("texts and numbers always encode");
    }

    pub(crate) fn decode(number: u64, payload: &[u8]) -> Result<Self, MessageError> {
        let malformed = |_| MessageError::Malformed { part: "error" };
        let wire: Wire = rmp_serde::from_slice(payload).map_err(malformed)?;
        Ok(Self {
            category: Category::from_number(number),
            code: wire.code,
            message: wire.message,
            retryable: wire.retryable,
            retry_after: wire.retry_after_ms.map(Duration::from_millis),
            causes: wire.causes,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The map on the wire. The category stands in the header too; its name is for readers of dumps.
#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(default)]
    category: String,
    code: Code,
    #[serde(default)]
    message: String,
    #[serde(default)]
    retryable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

/// At most [`MAX_TEXT_BYTES`] of `text`, so that a failure fits into the smallest frame.
fn truncated(text: &str) -> String {
    match text
        .char_indices()
        .find(|(place, _)| *place >= MAX_TEXT_BYTES)
    {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

const MAX_CAUSES: usize = 8;
const MAX_TEXT_BYTES: usize = 1024;
