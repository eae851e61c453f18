//! Frames that are no message.

use proto::error::Blame;
use proto::frame::delimited::Kind;
use thiserror::Error;

use crate::daemon::wire::body::cut;

/// A frame says nothing that its receiver understands.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is not what its kind promises.
    #[error("{kind} is malformed: {problem}")]
    Malformed {
        /// Kind of the frame.
        kind: Kind,
        /// Where and why, in at most 200 bytes.
        problem: String,
    },
    /// The other side receives such frames, and never sends them.
    #[error("{kind} is not for {sender} to send")]
    Direction {
        /// Kind of the frame.
        kind: Kind,
        /// Who sent it.
        sender: &'static str,
    },
}

impl DecodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }

    pub(super) fn malformed(kind: Kind, problem: String) -> Self {
        // The problem may quote a value of the peer, which may be long.
        let problem = cut(problem, MAX_PROBLEM_BYTES);
        Self::Malformed { kind, problem }
    }
}

const MAX_PROBLEM_BYTES: usize = 200;
