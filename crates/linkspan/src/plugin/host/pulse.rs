//! Whether a plugin is still there.

use std::future::pending;
use std::time::Duration;

use crate::plugin::host::patience::within;
use crate::plugin::wire::LIVE;
use crate::session::{Connection, Request};

/// Asks for a sign of life again and again, and gives the limit once none came for so long.
///
/// Who is busy answers nevertheless. What cannot even be asked, as all streams are taken, is not counted
/// here: the session's own heartbeat needs no stream.
pub(super) async fn lost(connection: &Connection, limit: Option<Duration>) -> Duration {
    let Some(limit) = limit else {
        return pending().await;
    };
    loop {
        tokio::time::sleep(limit / ROUNDS).await;
        // Any answer is a sign of life, and the end of the connection is somebody else's to see.
        if let Ok(answer) = connection.start(Request::new(LIVE, Vec::new()))
            && within(limit, answer).await.is_none()
        {
            return limit;
        }
    }
}

/// How often it is asked within the limit.
pub(super) const ROUNDS: u32 = 4;
