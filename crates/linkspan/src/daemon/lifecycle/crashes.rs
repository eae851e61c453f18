//! Daemons that crash soon after their start, one after the other: the next one is started after a
//! pause, so that whatever calls the program over and over does not start daemons over and over.

use std::fmt;
use std::time::Duration;

use os::LockState;

use crate::daemon::lifecycle::{Metadata, PlaceError, Places, Settings};
use crate::layer::{Backoff, BackoffConfig};

/// Crashes in a row, each of a daemon that had been started less than a minute before its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CrashRow {
    pub(crate) crashes: u64,
    /// When the first of these daemons was started, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    /// When this was found out.
    pub(crate) until_ms: u64,
}

impl CrashRow {
    /// The row that ends with the daemon that has written `last`, if that is gone now.
    pub(crate) fn after(last: &Metadata, now_ms: u64) -> Self {
        let age = now_ms.saturating_sub(last.started_ms);
        if last.ended.is_some() || age >= QUIET_MS {
            return Self::default();
        }
        let since_ms = match last.row.crashes {
            0 => last.started_ms,
            _ => last.row.since_ms,
        };
        Self {
            crashes: last.row.crashes.saturating_add(1),
            since_ms,
            until_ms: now_ms,
        }
    }

    /// The present row: the one that led to the daemon that runs, or that the last one has ended.
    pub(crate) fn now(places: &Places) -> Result<Self, PlaceError> {
        let Some(last) = Metadata::read(places)? else {
            return Ok(Self::default());
        };
        Ok(match places.life()? {
            LockState::Held { .. } => last.row,
            _ => Self::after(&last, Metadata::now_ms()),
        })
    }

    /// Whether there are so many that something is wrong.
    pub(crate) fn is_long(self) -> bool {
        self.crashes > FREE_CRASHES
    }

    /// How long to wait before the next start, at most `longest`; nothing after the first few crashes.
    pub(crate) fn pause(self, longest: Duration) -> Duration {
        let Some(more) = self.crashes.checked_sub(FREE_CRASHES + 1) else {
            return Duration::ZERO;
        };
        let doublings = u32::try_from(more).unwrap_or(u32::MAX);
        let factor = 2_u32.saturating_pow(doublings);
        let config = BackoffConfig {
            first_pause: FIRST_PAUSE.saturating_mul(factor),
            longest_pause: longest,
            ..BackoffConfig::default()
        };
        Backoff::new(config).next_pause().unwrap_or_default()
    }
}

/// Waits if daemons have crashed too often; gives what there is to be said about it.
///
/// To be called under the spawn lock, so that all clients wait together.
pub(crate) async fn pause(settings: &Settings, places: &Places) -> Option<String> {
    // Who ends in order may not have written so yet.
    let Ok(LockState::Free) = places.life() else {
        return None;
    };
    // Whoever cannot read it learns why when he starts the daemon.
    let row = CrashRow::now(places).ok()?;
    let longest = settings.lifecycle.max_crash_pause;
    let pause = row.pause(longest.min(settings.config.spawn_timeout / 2));
    if pause.is_zero() {
        return None;
    }
    tokio::time::sleep(pause).await;
    Some(format!(
        "after a pause of {} ms for {row}",
        pause.as_millis()
    ))
}

impl fmt::Display for CrashRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.until_ms.saturating_sub(self.since_ms).div_ceil(1000);
        let word = if self.crashes == 1 {
            "crash"
        } else {
            "crashes"
        };
        write!(f, "{} {word} within {seconds} s", self.crashes)
    }
}

/// After so many a daemon is still started at once.
const FREE_CRASHES: u64 = 3;
/// The longest that the first pause can be; each further one can be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A daemon that was started so long ago ends the row.
const QUIET_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::lifecycle::{Build, DaemonId};

    fn started(at_ms: u64, row: CrashRow) -> Metadata {
        let id = DaemonId::new("spell").unwrap();
        let mut metadata = Metadata::own(&id, &Build::named("b7"), "/bin/spell".into(), 0);
        metadata.started_ms = at_ms;
        metadata.row = row;
        metadata
    }

    #[test]
    fn crashes_soon_after_each_other_make_a_row() {
        let first = CrashRow::after(&started(1_000, CrashRow::default()), 3_000);
        let second = CrashRow::after(&started(3_000, first), 12_500);
        assert_eq!(first.to_string(), "1 crash within 2 s");
        assert_eq!(second.to_string(), "2 crashes within 12 s");
        // The clock was set back.
        assert_eq!(CrashRow::after(&started(12_500, second), 5).crashes, 3);
    }

    #[test]
    fn a_daemon_that_ran_for_long_or_ended_in_order_ends_the_row() {
        let row = CrashRow {
            crashes: 9,
            since_ms: 1_000,
            until_ms: 2_000,
        };
        let long = started(2_000, row);
        assert_eq!(CrashRow::after(&long, 62_000), CrashRow::default());
        assert_eq!(CrashRow::after(&long, 61_999).crashes, 10);
        let mut ended = long;
        ended.ended = Some("stop".to_owned());
        assert_eq!(CrashRow::after(&ended, 3_000), CrashRow::default());
    }

    #[test]
    fn pauses_begin_after_some_crashes_and_are_bounded() {
        let longest = Duration::from_millis(300);
        let pause = |crashes| {
            let row = CrashRow {
                crashes,
                ..CrashRow::default()
            };
            (0..200).map(|_| row.pause(longest)).max().unwrap()
        };
        assert_eq!(pause(3), Duration::ZERO);
        assert!((Duration::from_millis(1)..=FIRST_PAUSE).contains(&pause(4)));
        assert!((FIRST_PAUSE..=2 * FIRST_PAUSE).contains(&pause(5)));
        assert!((2 * FIRST_PAUSE..=longest).contains(&pause(6)));
        assert!(pause(u64::MAX) <= longest);
    }
}
