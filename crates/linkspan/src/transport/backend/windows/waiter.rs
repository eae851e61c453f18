//! A thread that waits for the clients of instances, one after the other.

use std::io;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

/// The thread, of which each instance is asked back before the next one is handed in.
#[derive(Debug)]
pub(super) struct Waiter {
    instances: Option<std_mpsc::SyncSender<os::PipeInstance>>,
    waited: mpsc::Receiver<Waited>,
    stop: Arc<os::PipeStop>,
    thread: Option<JoinHandle<()>>,
}

/// An instance, and whether it has a client.
pub(super) struct Waited {
    pub(super) instance: os::PipeInstance,
    pub(super) result: io::Result<bool>,
}

impl Waiter {
    pub(super) fn start() -> io::Result<Self> {
        let (instances, to_wait_for) = std_mpsc::sync_channel(1);
        let (sender, waited) = mpsc::channel(1);
        let stop = Arc::new(os::PipeStop::new()?);
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("linkspan-accept".into())
            .stack_size(STACK_BYTES)
            .spawn(move || wait(&to_wait_for, &told, &sender))?;
        Ok(Self {
            instances: Some(instances),
            waited,
            stop,
            thread: Some(thread),
        })
    }

    /// Has the thread wait for the client of an instance.
    pub(super) fn wait_for(&self, instance: os::PipeInstance) -> io::Result<()> {
        let handed = self.instances.as_ref().map(|to| to.try_send(instance));
        match handed {
            Some(Ok(())) => Ok(()),
            _ => Err(ended()),
        }
    }

    /// The instance that was handed in, when the wait for its client is over.
    pub(super) async fn waited(&mut self) -> io::Result<Waited> {
        self.waited.recv().await.ok_or_else(ended)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.stop.stop();
        self.instances = None;
        self.waited.close();
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did, the waiting was over.
            thread.join().ok();
        }
    }
}

fn wait(
    instances: &std_mpsc::Receiver<os::PipeInstance>,
    stop: &os::PipeStop,
    waited: &mpsc::Sender<Waited>,
) {
    while let Ok(instance) = instances.recv() {
        let result = instance.wait(stop);
        if waited.blocking_send(Waited { instance, result }).is_err() {
            return;
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the accepting thread has ended")
}

/// The thread calls little.
const STACK_BYTES: usize = 128 * 1024;
