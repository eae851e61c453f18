//! Messages that cannot be sent.

use thiserror::Error;

use crate::message::CancelReason;

/// Something could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// Credit, streams or buffer space are used up for now.
    #[error("nothing more can be sent for now")]
    Blocked,
    /// The message is longer than the peer accepts.
    #[error("message of {bytes} bytes exceeds the peer's limit of {limit} bytes")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The peer's limit.
        limit: u64,
    },
    /// It needs a feature that the peer does not know.
    #[error("the peer does not know the feature {feature:?}")]
    NotAgreed {
        /// The feature.
        feature: &'static str,
    },
    /// The stream is closed, or this direction of it has ended.
    #[error("the stream is closed")]
    Closed,
    /// The peer asked to stop sending on the stream.
    #[error("the peer needs no more of this stream")]
    Stopped(CancelReason),
    /// One side said goodbye: no new streams.
    #[error("the session takes no new streams")]
    GoingAway,
    /// The time was up before anything was sent.
    #[error("the deadline had passed before anything was sent")]
    Deadline,
}
