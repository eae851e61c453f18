//! Unix sockets without a reactor: threads that block, as programs did it before.
//!
//! Each connection has a thread that reads and one that writes, with a bounded queue between each
//! and the tasks. A listener has one thread that waits for connections.

use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::mpsc;

use crate::clock;
use crate::transport::backend::unix::{Accept, Local};
use crate::transport::backend::{Backend, Halves, Origin};
use crate::transport::bytes::ByteReader;
use crate::transport::queue::{Queue, QueueReader, QueueWriter};

/// Threads and blocking calls.
pub(super) struct Legacy;

impl Local for Legacy {
    fn backend(&self) -> Backend {
        Backend::Legacy
    }

    fn accept(&self, listener: Arc<UnixListener>) -> io::Result<Box<dyn Accept>> {
        let (stop, stopped) = UnixStream::pair()?;
        stopped.set_nonblocking(true)?;
        let (sender, accepted) = mpsc::channel(1);
        let work = move || accept(&listener, &stopped, &sender);
        let thread = named("linkspan-accept").spawn(work)?;
        Ok(Box::new(Accepting {
            accepted,
            stop,
            thread: Some(thread),
        }))
    }

    fn stream(&self, socket: UnixStream, _: Origin) -> io::Result<Halves> {
        socket.set_nonblocking(false)?;
        // A thread that writes looks this often whether it is still wanted.
        socket.set_write_timeout(Some(WRITE_SLICE))?;
        let socket = Arc::new(socket);
        let (inward, outward) = (Queue::new(QUEUE_BYTES), Queue::new(QUEUE_BYTES));
        let (from, into) = (Arc::clone(&socket), Arc::clone(&inward));
        let reader = Reader {
            queue: QueueReader(inward),
            socket: Arc::clone(&socket),
        };
        let taken = Arc::clone(&outward);
        let writer = QueueWriter(outward);
        named("linkspan-read").spawn(move || read(&from, &into))?;
        named("linkspan-write").spawn(move || write(&socket, &taken))?;
        Ok((Box::new(reader), Box::new(writer)))
    }
}

/// What the listener's thread takes, given out one by one.
#[derive(Debug)]
struct Accepting {
    accepted: mpsc::Receiver<io::Result<UnixStream>>,
    /// Shutting it down wakes the thread and ends it.
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Accept for Accepting {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let accepted = self.accepted.poll_recv(cx);
        accepted.map(|accepted| {
            accepted.unwrap_or_else(|| Err(io::Error::other("the accepting thread has ended")))
        })
    }

    fn finish(mut self: Box<Self>) -> Vec<UnixStream> {
        self.stop.shutdown(Shutdown::Both).ok();
        // One may wait here and one in the thread's hand, which needs the place of the first.
        let first = self.accepted.try_recv();
        self.join();
        let second = self.accepted.try_recv();
        let results = [first, second].into_iter().flatten();
        results.flatten().collect()
    }
}

impl Accepting {
    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did, the listener was over.
            thread.join().ok();
        }
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.stop.shutdown(Shutdown::Both).ok();
        self.accepted.close();
        self.join();
    }
}

/// Accepts until the other end of `stop` is shut down.
fn accept(
    listener: &UnixListener,
    stop: &UnixStream,
    accepted: &mpsc::Sender<io::Result<UnixStream>>,
) {
    loop {
        let readable = os::wait_readable(listener, stop);
        // Nothing is taken any more then: `finish` has room for what was.
        if is_shut(stop) {
            return;
        }
        let result = match readable.and_then(|()| listener.accept()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            // Another backend may have to serve it.
            result => result.and_then(|(socket, _)| {
                socket.set_nonblocking(true)?;
                Ok(socket)
            }),
        };
        if accepted.blocking_send(result).is_err() {
            return;
        }
    }
}

/// Whether the other end is shut down; nothing is ever sent through it.
fn is_shut(mut stop: &UnixStream) -> bool {
    stop.read(&mut [0]).is_ok()
}

/// The reading half: a queue that a thread fills.
#[derive(Debug)]
struct Reader {
    queue: QueueReader,
    socket: Arc<UnixStream>,
}

impl ByteReader for Reader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.queue.poll_ready(cx)
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        self.queue.poll_read(cx, buffer, limit)
    }

    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        // What has come is in the queue or with the system, never in the thread's hands.
        let receive = |buffer: &mut BytesMut, limit| os::receive(&self.socket, buffer, limit);
        self.queue.0.take_now(buffer, limit, receive)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It ends the thread's read.
        self.socket.shutdown(Shutdown::Read).ok();
    }
}

/// Reads until the peer ends or nobody wants it any more.
fn read(socket: &UnixStream, queue: &Queue) {
    while queue.wait_for_room() {
        let filled = os::wait_readable(socket, socket)
            .and_then(|()| queue.fill(|bytes, room| os::receive(socket, bytes, room)));
        match filled {
            Ok(0) => return queue.end(),
            Ok(_) => {}
            // Somebody was quicker.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return queue.fail(error),
        }
    }
}

/// Writes until nothing follows, and says so to the peer.
fn write(socket: &UnixStream, queue: &Queue) {
    let mut bytes = BytesMut::new();
    while queue.read_blocking(&mut bytes) {
        if let Err(error) = write_all(socket, queue, &mut bytes) {
            return queue.fail(error);
        }
    }
    // A connection that is gone needs no telling.
    os::shutdown_write(socket).ok();
}

/// Writes all; the last bytes of a connection have a moment, as long as nobody waits for it.
fn write_all(socket: &UnixStream, queue: &Queue, bytes: &mut BytesMut) -> io::Result<()> {
    let mut ended = None;
    while bytes.has_remaining() {
        match os::send_vectored(socket, &[IoSlice::new(bytes)]) {
            Ok(count) => bytes.advance(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let now = clock::now();
                if queue.is_ended() && now >= *ended.get_or_insert(now) + LINGER {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new()
        .name(name.into())
        .stack_size(STACK_BYTES)
}

/// Bytes that wait between a thread and the tasks, in each direction.
const QUEUE_BYTES: usize = 64 * 1024;
/// These threads call little.
const STACK_BYTES: usize = 128 * 1024;
/// How long a thread waits for a peer that does not read, until it looks whether it is wanted.
const WRITE_SLICE: Duration = Duration::from_millis(100);
/// How long the last bytes of a connection are waited for.
const LINGER: Duration = Duration::from_secs(1);
