//! Whoever fails to authenticate again and again has to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::transport::Peer;

/// How those are slowed down who fail to authenticate.
///
/// Attempts are counted by where they come from: the user on local sockets, the certificate over
/// TLS, else the network address (of IPv6 the network of 64 bits), with the user if it is this
/// machine's; and by the key that is claimed, so that a stale key stands in nobody's way but its own.
/// Others are not affected. Nobody
/// is kept waiting: who comes too early is refused at once, and told when to come.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SlowdownConfig {
    /// Failures without consequences. Default: 5.
    pub free_failures: u32,
    /// Pause after the next failure; each further one doubles it. Default: 100 ms.
    pub first_pause: Duration,
    /// The longest pause. Default: 30 s.
    pub longest_pause: Duration,
    /// Time without failures after which all of them are forgotten. Default: 15 min.
    pub memory: Duration,
    /// Places that are remembered; beyond it the one whose last failure is the oldest is forgotten.
    /// Default: 1,024.
    pub max_sources: usize,
}

impl Default for SlowdownConfig {
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(30),
            memory: Duration::from_secs(15 * 60),
            max_sources: 1024,
        }
    }
}

/// The failures of late.
#[derive(Debug)]
pub(crate) struct Slowdown(Mutex<Known>);

#[derive(Debug)]
struct Known {
    config: SlowdownConfig,
    failures: HashMap<(Source, Claimed), Failures>,
}

/// Where attempts come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    User(String),
    Certificate([u8; 32]),
    /// With the user there, if it is on this machine.
    Address(IpAddr, Option<u32>),
    Transport(&'static str),
}

/// The name of the key that is claimed; empty for JWTs, and for keys that there are not.
type Claimed = String;

#[derive(Debug)]
struct Failures {
    count: u32,
    latest: Instant,
    until: Instant,
}

impl Slowdown {
    pub(crate) fn new(config: SlowdownConfig) -> Self {
        Self(Mutex::new(Known {
            config,
            failures: HashMap::new(),
        }))
    }

    /// Takes other settings for the next failures; those that there were are not forgotten.
    pub(crate) fn replace(&self, config: SlowdownConfig) {
        self.lock().config = config;
    }

    /// How long attempts from there with that key have to wait now.
    pub(crate) fn pause(&self, source: &Source, key: &str) -> Option<Duration> {
        let source = (source.clone(), claimed(key));
        let until = self.lock().failures.get(&source)?.until;
        let left = until.saturating_duration_since(clock::now());
        (!left.is_zero()).then_some(left)
    }

    /// Takes note that an attempt failed.
    pub(crate) fn note(&self, source: Source, key: &str) {
        let source = (source, claimed(key));
        let now = clock::now();
        let mut known = self.lock();
        let Known { config, failures } = &mut *known;
        if failures.len() >= config.max_sources && !failures.contains_key(&source) {
            failures.retain(|_, failures| failures.is_remembered(now, config));
            if failures.len() >= config.max_sources {
                forget_oldest(failures);
            }
        }
        let entry = failures.entry(source).or_insert(Failures {
            count: 0,
            latest: now,
            until: now,
        });
        if !entry.is_remembered(now, config) {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.latest = now;
        if let Some(doublings) = entry
            .count
            .checked_sub(config.free_failures.saturating_add(1))
        {
            let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
            let pause = config.first_pause.saturating_mul(factor);
            entry.until = clock::after(now, pause.min(config.longest_pause));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    fn is_remembered(&self, now: Instant, config: &SlowdownConfig) -> bool {
        now < clock::after(self.latest, config.memory)
    }
}

/// A name as it is remembered: those of keys are short.
fn claimed(key: &str) -> Claimed {
    match key.len() {
        0..=MAX_KEY_BYTES => key.to_owned(),
        _ => Claimed::new(),
    }
}

fn forget_oldest(failures: &mut HashMap<(Source, Claimed), Failures>) {
    let oldest = failures.iter().min_by_key(|(_, failures)| failures.latest);
    if let Some(source) = oldest.map(|(source, _)| source.clone()) {
        failures.remove(&source);
    }
}

impl Source {
    pub(crate) fn of(peer: &Peer) -> Self {
        match (&peer.certificate, peer.credentials, peer.address) {
            (Some(certificate), _, _) => Self::Certificate(certificate.fingerprint),
            (_, Some(credentials), _) => Self::User(credentials.user.to_string()),
            (_, _, Some(address)) => Self::Address(network(address.ip()), peer.socket_uid),
            _ => Self::Transport(peer.transport),
        }
    }
}

/// What one party may have many addresses of, as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

const MAX_KEY_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn slowdown(max_sources: usize) -> Slowdown {
        Slowdown::new(SlowdownConfig {
            free_failures: 2,
            max_sources,
            ..SlowdownConfig::default()
        })
    }

    fn address(last: u8) -> Source {
        Source::Address([127, 0, 0, last].into(), None)
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_concern_nobody_else() {
        let slowdown = slowdown(10);
        let mut pauses = Vec::new();
        for _ in 0..13 {
            slowdown.note(address(1), "a");
            pauses.push(
                slowdown
                    .pause(&address(1), "a")
                    .map(|pause| pause.as_millis()),
            );
        }
        assert_eq!(pauses[..4], [None, None, Some(100), Some(200)]);
        assert_eq!(pauses[12], Some(30_000));
        assert_eq!(slowdown.pause(&address(2), "a"), None);
        assert_eq!(slowdown.pause(&address(1), "b"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_after_a_quiet_time() {
        let slowdown = slowdown(10);
        (0..20).for_each(|_| slowdown.note(address(1), "a"));
        tokio::time::advance(Duration::from_secs(15 * 60)).await;
        slowdown.note(address(1), "a");
        assert_eq!(slowdown.pause(&address(1), "a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_bounded_and_forgets_the_oldest() {
        let slowdown = slowdown(3);
        for last in 1..=4 {
            (0..9).for_each(|_| slowdown.note(address(last), "a"));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(slowdown.lock().failures.len(), 3);
        assert_eq!(slowdown.pause(&address(1), "a"), None);
        assert!(slowdown.pause(&address(4), "a").is_some());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let ours: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        let theirs: IpAddr = "2001:db8:1:2:ffff::1".parse().unwrap();
        assert_eq!(network(ours), network(theirs));
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(network(mapped), IpAddr::from([10, 0, 0, 1]));
    }
}
