//! Why a daemon is started, by what the one before it has left.

use crate::daemon::lifecycle::{Build, Metadata};
use crate::daemon::{EndReason, StartupReason};

/// The reason, told under the life lock: whoever wrote the metadata takes no commands any more.
pub(crate) fn startup_reason(last: Option<&Metadata>, build: &Build) -> StartupReason {
    let Some(last) = last else {
        return StartupReason::FirstStart;
    };
    match last.ended.as_deref() {
        None => StartupReason::AfterCrash {
            crashes: last.crashes.saturating_add(1),
        },
        Some(_) if last.build_id != build.id() => StartupReason::NewBuild {
            previous: last.build_id.clone(),
        },
        Some(RESTART) => StartupReason::Restarted,
        Some(_) => StartupReason::AfterStop,
    }
}

/// What is written when a daemon ends for this reason.
pub(crate) fn mark(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Stop => "stop",
        EndReason::Drain | EndReason::Restart => RESTART,
        EndReason::Idle => "idle",
        EndReason::Stuck => "stuck",
    }
}

const RESTART: &str = "restart";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::lifecycle::DaemonId;

    fn last(ended: Option<&str>, crashes: u64) -> Metadata {
        let id = DaemonId::new("spell").unwrap();
        let mut last = Metadata::own(&id, &Build::named("b6"), "/bin/spell".into(), crashes);
        last.ended = ended.map(str::to_owned);
        last
    }

    #[test]
    fn the_reason_is_what_the_last_one_left() {
        let (same, new) = (Build::named("b6"), Build::named("b7"));
        let reason = |ended, build| startup_reason(Some(&last(ended, 2)), build);
        assert_eq!(startup_reason(None, &same), StartupReason::FirstStart);
        assert_eq!(reason(None, &new), StartupReason::AfterCrash { crashes: 3 });
        assert_eq!(reason(Some("idle"), &same), StartupReason::AfterStop);
        assert_eq!(
            reason(Some(mark(EndReason::Drain)), &same),
            StartupReason::Restarted
        );
        let previous = "b6".to_owned();
        assert_eq!(
            reason(Some("stop"), &new),
            StartupReason::NewBuild { previous }
        );
    }
}
