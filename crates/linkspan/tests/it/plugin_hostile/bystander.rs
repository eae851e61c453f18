//! A plugin that means no harm, in the same host: nothing of the attacks may reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use linkspan::plugin::host::Plugin;
use linkspan::rpc::{CallError, Streaming};
use linkspan_test::wait;
use tokio::task::JoinHandle;

/// One with calls and a stream that go on all the time.
pub(super) struct Bystander {
    plugin: Plugin,
    pid: u32,
    beats: Arc<AtomicU64>,
    beating: JoinHandle<Duration>,
}

#[linkspan::service(name = "bystander")]
trait Heart {
    async fn beat(&self, number: u64) -> Result<u64, CallError>;
    async fn pulse(&self, beats: Streaming<u64>) -> Result<Streaming<u64>, CallError>;
}

impl Bystander {
    /// Begins to call it, after it was started.
    pub(super) async fn of(plugin: Plugin) -> Self {
        let beats = Arc::new(AtomicU64::new(0));
        let client = HeartClient::new(plugin.clone());
        let beating = tokio::spawn(beat(client, Arc::clone(&beats)));
        let pid = plugin.status().instances.first().unwrap().pid;
        let bystander = Self {
            plugin,
            pid,
            beats,
            beating,
        };
        bystander.goes_on("nothing yet").await;
        bystander
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// From here on it is called and answers, and its stream goes on.
    pub(super) async fn goes_on(&self, after: &str) {
        let before = self.beats.load(Ordering::Relaxed);
        let has_gone_on = || {
            assert!(!self.beating.is_finished(), "it was cut off by {after}");
            // One of them may have begun before.
            self.beats.load(Ordering::Relaxed) >= before + 2
        };
        wait::until(after, has_gone_on).await;
    }

    /// It is the same process, was never restarted, and never waited for long.
    pub(super) async fn was_unharmed(self) {
        let status = self.plugin.status();
        assert_eq!(status.restarts, 0, "{status:?}");
        assert_eq!(status.instances.first().unwrap().pid, self.pid);
        wait::within("its stop", self.plugin.stop()).await;
        let longest = wait::within("its last call", self.beating).await.unwrap();
        println!("the bystander never waited for more than {longest:?}");
        assert!(longest < LONG, "{longest:?}");
    }
}

/// Calls, and sends on a stream, until the plugin is stopped; gives the longest time that an answer
/// took.
async fn beat(client: HeartClient<Plugin>, beats: Arc<AtomicU64>) -> Duration {
    let (sender, sent) = Streaming::channel(1);
    // A stream begins with its first item.
    sender.send(Ok(0)).await.ok();
    let mut pulse = client.pulse(sent).await.unwrap();
    assert_eq!(pulse.next().await, Some(Ok(0)));
    let mut longest = Duration::ZERO;
    loop {
        let number = beats.load(Ordering::Relaxed);
        let began = Instant::now();
        sender.send(Ok(number)).await.ok();
        let (beat, next) = tokio::join!(client.beat(number), pulse.next());
        match (beat, next) {
            (Ok(beat), Some(Ok(next))) => assert_eq!((beat, next), (number, number)),
            // By its stop, and nothing else: the number stands still then, and somebody looks.
            _ => return longest,
        }
        longest = longest.max(began.elapsed());
        beats.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}

pub(super) const SCRIPT: &str = "\
from typing import Iterable
from linkspan_plugin import Plugin
plugin = Plugin('bystander', version='1.0')

@plugin.method
def beat(number: int) -> int:
    return number

@plugin.stream
def pulse(beats: Iterable[int]):
    yield from beats

plugin.run()
";
/// Generous, for a machine that does other things.
const LONG: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);
