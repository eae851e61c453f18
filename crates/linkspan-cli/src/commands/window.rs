//! What happened at a node between two looks at it.

use std::time::{Duration, Instant};

use linkspan::rpc::{CallError, Context};

use crate::node::{ListenerStatus, NodeClient, NodeService, NodeStatus, Times};

/// A look at a node.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) at: Instant,
    pub(crate) status: NodeStatus,
}

impl Look {
    pub(crate) async fn at(node: &NodeClient) -> Result<Self, CallError> {
        let status = node.status(Context::new()).await?;
        let at = Instant::now();
        Ok(Self { at, status })
    }

    /// What happened at each listener since an earlier look.
    pub(crate) fn since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = Window<'a>> {
        let time = self.at - earlier.at;
        self.status.listeners.iter().filter_map(move |after| {
            let mut listeners = earlier.status.listeners.iter();
            let before = listeners.find(|before| before.address == after.address)?;
            Some(Window {
                before,
                after,
                time,
            })
        })
    }
}

/// What happened at a listener in some time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) before: &'a ListenerStatus,
    pub(crate) after: &'a ListenerStatus,
    pub(crate) time: Duration,
}

impl Window<'_> {
    /// By how much a counter grew.
    pub(crate) fn count(&self, counter: impl Fn(&ListenerStatus) -> u64) -> u64 {
        counter(self.after).saturating_sub(counter(self.before))
    }

    /// By how much it grew in a second.
    pub(crate) fn per_second(&self, counter: impl Fn(&ListenerStatus) -> u64) -> f64 {
        to_float(self.count(counter)) / self.time.as_secs_f64().max(f64::EPSILON)
    }

    /// The sum of what took time, in microseconds.
    pub(crate) fn sum_us(&self, times: impl Fn(&ListenerStatus) -> Times) -> f64 {
        exact(times(self.after).sum_us - times(self.before).sum_us).max(0.0)
    }

    /// Its mean, in microseconds; 0 if nothing happened.
    pub(crate) fn mean_us(&self, times: impl Fn(&ListenerStatus) -> Times) -> f64 {
        let count = self.count(|listener| times(listener).count);
        exact(self.sum_us(times) / to_float(count.max(1)))
    }
}

/// Microseconds to the nanosecond, which is how they were counted.
fn exact(micros: f64) -> f64 {
    (micros * 1e3).round() / 1e3
}

#[expect(
    clippy::cast_precision_loss,
    reason = "it is shown with one digit after the point"
)]
fn to_float(number: u64) -> f64 {
    number as f64
}
