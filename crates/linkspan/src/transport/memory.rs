//! `mem:`: bounded queues of frames between two parts of one process.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use proto::frame::Frame;
use tokio::sync::mpsc;

use crate::Address;
use crate::transport::{DialError, InProcessConfig, Link, ListenError, Peer, Reader, Writer};

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

/// Connects to the server `name` of this process.
pub(crate) async fn dial(name: &str, config: &InProcessConfig) -> Result<Link, DialError> {
    let not_listening = || DialError::NotListening {
        address: Address::Memory(name.into()),
    };
    let listener = lock(&LISTENERS)
        .get(name)
        .cloned()
        .ok_or_else(not_listening)?;
    let (ours, theirs) = pair(config.buffer_size);
    listener.send(theirs).await.map_err(|_| not_listening())?;
    Ok(ours)
}

/// Two ends of a link.
fn pair(capacity: usize) -> (Link, Link) {
    let queues = [
        Arc::new(Queue::new(capacity)),
        Arc::new(Queue::new(capacity)),
    ];
    let [there, back] = &queues;
    let end = |out: &Arc<Queue>, into: &Arc<Queue>| Link {
        reader: Reader::Memory(Receiver(Arc::clone(into))),
        writer: Writer::Memory(Sender(Arc::clone(out))),
        peer: own_peer(),
    };
    (end(there, back), end(back, there))
}

/// The peer within the process is the process itself.
fn own_peer() -> Peer {
    let mut peer = Peer::new("mem");
    peer.credentials = Some(os::own_credentials());
    peer
}

/// One direction.
struct Queue {
    state: Mutex<QueueState>,
    capacity: usize,
}

#[derive(Default)]
struct QueueState {
    frames: VecDeque<Frame>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Queue {
    fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity: capacity.max(1),
        }
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let wakers = [state.reader.take(), state.writer.take()];
        drop(state);
        wakers.into_iter().for_each(wake);
    }
}

/// The reading end of a queue.
pub(crate) struct Receiver(Arc<Queue>);

impl Receiver {
    /// Waits until there is a frame, or none will come any more.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if !state.frames.is_empty() || state.closed {
            return Poll::Ready(());
        }
        register(&mut state.reader, cx);
        Poll::Pending
    }

    /// Takes all frames; false if none will come any more.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        frames: &mut VecDeque<Frame>,
    ) -> Poll<bool> {
        let mut state = lock(&self.0.state);
        if state.frames.is_empty() {
            if state.closed {
                return Poll::Ready(false);
            }
            register(&mut state.reader, cx);
            return Poll::Pending;
        }
        if frames.is_empty() {
            std::mem::swap(frames, &mut state.frames);
        } else {
            frames.append(&mut state.frames);
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        Poll::Ready(true)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The writing end of a queue.
pub(crate) struct Sender(Arc<Queue>);

impl Sender {
    /// Moves as many frames into the queue as it takes, and adds their length to `written`.
    pub(crate) fn try_send(
        &self,
        frames: &mut VecDeque<Frame>,
        written: &mut u64,
    ) -> io::Result<()> {
        let mut state = lock(&self.0.state);
        if state.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = self.0.capacity.saturating_sub(state.frames.len());
        *written += frames.iter().take(room).map(Frame::wire_bytes).sum::<u64>();
        if frames.len() <= room {
            state.frames.append(frames);
        } else {
            state.frames.extend(frames.drain(..room));
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        if frames.is_empty() {
            Ok(())
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    /// Waits until the queue takes something, or never will.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.closed || state.frames.len() < self.0.capacity {
            return Poll::Ready(());
        }
        register(&mut state.writer, cx);
        Poll::Pending
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn register(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *place = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

/// Links that may wait to be accepted.
const BACKLOG: usize = 128;
