//! What happens next when a process of a plugin has ended by itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::layer::{Backoff, BackoffConfig};
use crate::plugin::{Restart, RestartPolicy};

/// The crashes of a plugin, of all its processes together.
#[derive(Debug)]
pub(super) struct Crashes {
    restart: Restart,
    /// When they were, as far as they count.
    recent: VecDeque<Instant>,
    /// What is certain of the next pause; the other half is random.
    half: Duration,
    random: Backoff,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is started again after a pause.
    Start(Duration),
    /// Nothing: it has done what it was for.
    Rest,
    /// Nothing, as it failed, and there are so many crashes that count.
    GiveUp(u32),
}

impl Crashes {
    pub(super) fn new(restart: Restart) -> Self {
        let config = BackoffConfig {
            first_pause: restart.backoff / 2,
            longest_pause: restart.max_backoff / 2,
            ..BackoffConfig::default()
        };
        Self {
            restart,
            recent: VecDeque::new(),
            half: config.first_pause.min(config.longest_pause),
            random: Backoff::new(config),
        }
    }

    /// Takes note of an end, after the process ran for some time.
    pub(super) fn handle_end(&mut self, now: Instant, ran: Duration, is_failure: bool) -> Next {
        if ran >= self.restart.max_backoff.max(STEADY) {
            self.begin_anew();
        }
        if is_failure {
            let window = self.restart.crash_window;
            self.recent.push_back(now);
            self.recent
                .retain(|crash| now.saturating_duration_since(*crash) <= window);
        }
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        match self.restart.policy {
            RestartPolicy::Never if is_failure => Next::GiveUp(count),
            RestartPolicy::Never => Next::Rest,
            RestartPolicy::OnFailure if !is_failure => Next::Rest,
            _ if is_failure && count >= self.restart.max_crashes => Next::GiveUp(count),
            _ => Next::Start(self.pause()),
        }
    }

    /// Within which time crashes count.
    pub(super) fn window(&self) -> Duration {
        self.restart.crash_window
    }

    /// Between half of a limit and all of it; the limit doubles up to the longest.
    fn pause(&mut self) -> Duration {
        let pause = self.half + self.random.next_pause().unwrap_or_default();
        let pause = pause.max(LEAST_PAUSE);
        self.half = self
            .half
            .saturating_mul(2)
            .min(self.restart.max_backoff / 2);
        pause
    }

    /// The next pause is the first.
    fn begin_anew(&mut self) {
        self.random.reset();
        self.half = (self.restart.backoff / 2).min(self.restart.max_backoff / 2);
    }
}

/// Whatever a manifest says, processes are not started as fast as the machine can.
const LEAST_PAUSE: Duration = Duration::from_millis(50);
/// Who ran for so long has not crashed at its start.
const STEADY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    fn restart(policy: RestartPolicy) -> Restart {
        Restart {
            policy,
            ..Restart::default()
        }
    }

    #[test]
    fn pauses_double_with_jitter_and_the_last_crash_is_given_up() {
        let mut crashes = Crashes::new(restart(RestartPolicy::OnFailure));
        let now = Instant::now();
        for limit in [200, 400, 800, 1600].map(Duration::from_millis) {
            let Next::Start(pause) = crashes.handle_end(now, SHORT, true) else {
                panic!("it is not started again");
            };
            assert!(limit / 2 <= pause && pause <= limit, "{pause:?}");
        }
        assert_eq!(crashes.handle_end(now, SHORT, true), Next::GiveUp(5));
    }

    #[test]
    fn crashes_outside_of_the_window_do_not_count() {
        let mut crashes = Crashes::new(restart(RestartPolicy::OnFailure));
        let mut now = Instant::now();
        for _ in 0..20 {
            let next = crashes.handle_end(now, SHORT, true);
            assert!(matches!(next, Next::Start(_)), "{next:?}");
            now += Duration::from_secs(76);
        }
    }

    #[test]
    fn steady_running_begins_anew() {
        let mut crashes = Crashes::new(restart(RestartPolicy::OnFailure));
        let mut now = Instant::now();
        for _ in 0..3 {
            crashes.handle_end(now, SHORT, true);
        }
        now += Duration::from_secs(301);
        let Next::Start(pause) = crashes.handle_end(now, Duration::from_secs(31), true) else {
            panic!("it is not started again");
        };
        assert!(pause <= Duration::from_millis(200), "{pause:?}");
    }

    #[test]
    fn policies_decide() {
        let now = Instant::now();
        let next =
            |policy, is_failure| Crashes::new(restart(policy)).handle_end(now, SHORT, is_failure);
        assert_eq!(next(RestartPolicy::Never, true), Next::GiveUp(1));
        assert_eq!(next(RestartPolicy::Never, false), Next::Rest);
        assert_eq!(next(RestartPolicy::OnFailure, false), Next::Rest);
        assert!(matches!(next(RestartPolicy::Always, false), Next::Start(_)));
    }

    #[test]
    fn whoever_ends_in_order_without_end_is_slowed_and_never_given_up() {
        let mut crashes = Crashes::new(restart(RestartPolicy::Always));
        let now = Instant::now();
        let mut last = Duration::ZERO;
        for _ in 0..50 {
            let Next::Start(pause) = crashes.handle_end(now, SHORT, false) else {
                panic!("it is not started again");
            };
            last = pause;
        }
        assert!(last >= Duration::from_secs(15), "{last:?}");
        assert!(last <= Duration::from_secs(30), "{last:?}");
    }
}
