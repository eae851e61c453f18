//! What of a message is left when its first frame has left.

use bytes::Bytes;
use proto::session::After;

use crate::session::Items;

/// The rest of a message, which a task sends.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// The rest of a body that was cut to be compressed.
    pub(crate) rest: Option<Bytes>,
    pub(crate) items: Option<Items>,
    /// Whether all of it leaves as it is.
    pub(crate) is_plain: bool,
}

impl Following {
    /// What the first frame has to say.
    pub(crate) fn after(&self) -> After {
        match (&self.rest, &self.items) {
            (Some(_), _) => After::Rest,
            (None, Some(_)) => After::Items,
            (None, None) => After::Nothing,
        }
    }
}
