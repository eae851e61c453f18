//! Tests of Windows, which run under Wine, too. `gap:` in their output says what Wine cannot do.

mod accept;
mod directory;
mod limits;
mod lock;
mod name;
mod peer;
mod protection;
mod spawn;
mod support;
mod transfer;

pub(crate) use spawn::PARTS;
pub(crate) use support::is_gap;
