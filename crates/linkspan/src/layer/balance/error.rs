//! Why a call over several endpoints failed.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::layer::AttemptError;

/// No endpoint answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BalanceError<E> {
    /// This endpoint failed, and no other one may or can be asked. If several were asked, it is the
    /// last one, or the one that leaves the outcome open.
    #[error("endpoint {endpoint} failed")]
    Endpoint {
        /// Its name.
        endpoint: Arc<str>,
        /// Its error.
        source: E,
    },
    /// No endpoint's breaker admits a call; nothing was sent.
    #[error("no endpoint admits a call")]
    Unavailable {
        /// When the first of them does; none if there are no endpoints.
        retry_after: Option<Duration>,
    },
}

impl<E> BalanceError<E> {
    /// The endpoint's own error, if one was asked.
    pub fn into_source(self) -> Option<E> {
        match self {
            Self::Endpoint { source, .. } => Some(source),
            Self::Unavailable { .. } => None,
        }
    }
}

impl<E: AttemptError> AttemptError for BalanceError<E> {
    fn is_unsent(&self) -> bool {
        match self {
            Self::Endpoint { source, .. } => source.is_unsent(),
            Self::Unavailable { .. } => true,
        }
    }

    fn is_failure(&self) -> bool {
        match self {
            Self::Endpoint { source, .. } => source.is_failure(),
            Self::Unavailable { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Endpoint { source, .. } => source.retry_after(),
            Self::Unavailable { retry_after } => *retry_after,
        }
    }
}
