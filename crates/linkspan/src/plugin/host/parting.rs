//! How a process of a plugin is seen off.

use std::time::Duration;

use os::sandbox::Exit;
use proto::error::SessionError;

use crate::clock;
use crate::plugin::host::instance::Instance;
use crate::plugin::host::patience::within;
use crate::plugin::host::{Cause, Terms};
use crate::session::Disconnected;
use crate::transport::EndOf;

/// Why a process does not go on.
#[derive(Debug)]
pub(super) enum Why {
    /// It is to stop.
    Asked,
    /// It has ended.
    Ended,
    /// The connection with it is over.
    Disconnected(Disconnected),
    /// It gave no sign of life for so long.
    Silent(Duration),
}

/// Sees to it that nothing of a process is left, and says why it ended.
pub(super) async fn part(instance: &Instance, end: &EndOf, terms: &Terms, why: Why) -> Cause {
    match why {
        Why::Asked => {
            drain(instance, terms.drain_timeout).await;
            Cause::Asked(see_off(instance, end, terms.exit_timeout).await)
        }
        Why::Ended => ended(instance).await,
        Why::Silent(limit) => {
            kill(instance, end).await;
            Cause::Silent { limit }
        }
        Why::Disconnected(reason) => disconnected(instance, end, terms, reason).await,
    }
}

/// Gives calls that are under way time to be answered, and says goodbye.
async fn drain(instance: &Instance, limit: Duration) {
    let began = clock::now();
    // Whoever was given this process just now has not sent the request yet.
    within(limit, instance.idle()).await;
    let left = limit.saturating_sub(clock::now().saturating_duration_since(began));
    instance.connection.close(left).await;
}

/// Has a process end that was told to, with more and more force.
async fn see_off(instance: &Instance, end: &EndOf, limit: Duration) -> Exit {
    if within(limit, end.ended()).await.is_none() {
        instance.terminate();
        if within(limit, end.ended()).await.is_none() {
            kill(instance, end).await;
        }
    }
    exit(instance)
}

/// A process that is gone: by itself, unless it broke the protocol before, which may be noticed later.
async fn ended(instance: &Instance) -> Cause {
    match within(LAST, instance.connection.ended()).await {
        Some(reason @ Disconnected::Protocol(_)) => Cause::Broke(reason),
        _ => Cause::Exited(exit(instance)),
    }
}

/// A process without a connection: it is ending, or it is to end now.
async fn disconnected(
    instance: &Instance,
    end: &EndOf,
    terms: &Terms,
    reason: Disconnected,
) -> Cause {
    let may_be_ending = matches!(
        reason,
        Disconnected::Closed
            | Disconnected::PeerClosed
            | Disconnected::Goodbye { .. }
            | Disconnected::Truncated
    );
    if may_be_ending && within(terms.exit_timeout, end.ended()).await.is_some() {
        return Cause::Exited(exit(instance));
    }
    kill(instance, end).await;
    match reason {
        _ if may_be_ending => Cause::Closed,
        Disconnected::Protocol(SessionError::Silent { silence, .. }) => Cause::Silent {
            limit: terms.liveness_timeout.unwrap_or(silence),
        },
        reason => Cause::Broke(reason),
    }
}

async fn kill(instance: &Instance, end: &EndOf) {
    instance.kill();
    within(LAST, end.ended()).await;
}

/// How it ended; as good as killed if the system does not say.
fn exit(instance: &Instance) -> Exit {
    instance.exit().unwrap_or(Exit::Killed)
}

/// What was killed is gone by then, unless the system itself hangs.
const LAST: Duration = Duration::from_secs(5);
