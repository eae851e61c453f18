//! Which endpoint a request goes to.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use crate::layer::balance::endpoint::{Lease, Node};
use crate::layer::random::Random;

/// The endpoints that one call may still go to, the best class first.
///
/// Each is given out once, or found to admit nothing.
#[derive(Debug)]
pub(super) struct Candidates<'a, S> {
    nodes: Vec<&'a Node<S>>,
    random: &'a Random,
    retry_after: Option<Duration>,
}

impl<'a, S> Candidates<'a, S> {
    /// The nodes have to be in the order of their classes.
    pub(super) fn new(nodes: &'a [Node<S>], random: &'a Random) -> Self {
        Self {
            nodes: nodes.iter().collect(),
            random,
            retry_after: None,
        }
    }

    /// The best endpoint that admits a call, if there is one.
    pub(super) fn next(&mut self, now: Instant) -> Option<Lease<'a, S>> {
        while let Some(best) = self.best(now) {
            match self.nodes.remove(best).admit(now) {
                Ok(lease) => return Some(lease),
                Err(open) => {
                    let earlier = self.retry_after.unwrap_or(Duration::MAX);
                    self.retry_after = Some(open.retry_after.min(earlier));
                }
            }
        }
        None
    }

    /// When the first of those admits a call that did not.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The better one of two at random: as good as looking at all of them, without sending everybody
    /// to the same one.
    fn best(&self, now: Instant) -> Option<usize> {
        let class = self.class();
        let (one, other) = two_below(class.len(), self.random);
        let (first, second) = (class.get(one)?, class.get(other)?);
        match compare(first, second, now) {
            Ordering::Greater => Some(other),
            _ => Some(one),
        }
    }

    fn class(&self) -> &[&'a Node<S>] {
        let best = self.nodes.first().map(|node| node.endpoint.priority);
        let is_best = |node: &&Node<S>| Some(node.endpoint.priority) == best;
        let length = self.nodes.partition_point(is_best);
        self.nodes.get(..length).unwrap_or_default()
    }
}

/// Two different numbers below `count`; the same one twice if there is but one.
fn two_below(count: usize, random: &Random) -> (usize, usize) {
    let below = |limit: usize| {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        usize::try_from(random.below(limit)).unwrap_or(0)
    };
    if count < 2 {
        return (0, 0);
    }
    let (one, other) = (below(count), below(count - 1));
    (one, if other < one { other } else { other + 1 })
}

/// Less is better: the load with this request, by weight, then the latency.
fn compare<S>(one: &Node<S>, other: &Node<S>, now: Instant) -> Ordering {
    let scaled = |node: &Node<S>, by: &Node<S>| {
        (u64::from(node.in_flight()) + 1) * u64::from(by.endpoint.weight.get())
    };
    let by_load = scaled(one, other).cmp(&scaled(other, one));
    by_load.then_with(|| {
        let latencies = [one, other].map(|node| node.expected_latency(now));
        latencies[0].cmp(&latencies[1])
    })
}
