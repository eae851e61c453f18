//! `mem:`: bounded queues between two parts of one process.
//!
//! Sessions have frames moved by value. What speaks in bytes elsewhere does so here, too: then a
//! link is a queue of bytes, and the protocol on both ends is the same as over a socket.

mod frames;

use std::collections::hash_map::{Entry, HashMap};
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::Address;
use crate::transport::queue::{Queue, QueueReader, QueueWriter};
use crate::transport::{
    ByteLink, DialError, InProcessConfig, Link, ListenError, Peer, Reader, Writer,
};

pub(crate) use frames::{Receiver, Sender};

/// Servers of this process by name.
static LISTENERS: LazyLock<Mutex<HashMap<String, mpsc::Sender<Link>>>> =
    LazyLock::new(Mutex::default);

/// A server's place in the process.
#[derive(Debug)]
pub(crate) struct MemoryListener {
    name: String,
    links: mpsc::Receiver<Link>,
}

impl MemoryListener {
    pub(crate) fn bind(name: &str) -> Result<Self, ListenError> {
        match lock(&LISTENERS).entry(name.to_owned()) {
            Entry::Occupied(taken) if !taken.get().is_closed() => Err(ListenError::InUse {
                address: Address::Memory(name.into()),
                pid: Some(std::process::id()),
            }),
            entry => {
                let (sender, links) = mpsc::channel(BACKLOG);
                entry.insert_entry(sender);
                Ok(Self {
                    name: name.into(),
                    links,
                })
            }
        }
    }

    pub(crate) async fn accept(&mut self) -> io::Result<Link> {
        self.links
            .recv()
            .await
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        // Closing first tells this listener's entry from that of a successor.
        self.links.close();
        let mut listeners = lock(&LISTENERS);
        if listeners
            .get(&self.name)
            .is_some_and(mpsc::Sender::is_closed)
        {
            listeners.remove(&self.name);
        }
    }
}

/// Connects to the server `name` of this process, to send frames.
pub(crate) async fn dial_frames(name: &str, config: &InProcessConfig) -> Result<Link, DialError> {
    let ends = frames::pair(config.buffer_size);
    let [ours, theirs] = ends.map(|(reader, writer)| Link {
        reader: Reader::Frames(reader),
        writer: Writer::Frames(writer),
        peer: own_peer(),
    });
    offer(name, theirs).await?;
    Ok(ours)
}

/// Connects to the server `name` of this process, to send bytes.
pub(crate) async fn dial_bytes(name: &str) -> Result<ByteLink, DialError> {
    let [there, back] = [Queue::new(QUEUE_BYTES), Queue::new(QUEUE_BYTES)];
    let end = |from: &Arc<Queue>, into: &Arc<Queue>| ByteLink {
        reader: Box::new(QueueReader(Arc::clone(from))),
        writer: Box::new(QueueWriter(Arc::clone(into))),
        peer: own_peer(),
    };
    let (ours, theirs) = (end(&back, &there), end(&there, &back));
    offer(name, theirs.into()).await?;
    Ok(ours)
}

/// Gives a server its end of a link.
async fn offer(name: &str, link: Link) -> Result<(), DialError> {
    let not_listening = || DialError::NotListening {
        address: Address::Memory(name.into()),
    };
    let listener = lock(&LISTENERS)
        .get(name)
        .cloned()
        .ok_or_else(not_listening)?;
    listener.send(link).await.map_err(|_| not_listening())
}

/// The peer within the process is the process itself.
fn own_peer() -> Peer {
    let mut peer = Peer::new("mem");
    peer.credentials = Some(os::own_credentials());
    peer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Links that may wait to be accepted.
const BACKLOG: usize = 128;
/// Bytes that wait in each direction of a link of bytes.
const QUEUE_BYTES: usize = 64 * 1024;
