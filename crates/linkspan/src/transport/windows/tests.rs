use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use tokio::time::timeout;

use super::*;
use crate::transport::{ByteReader, ByteWriter};

fn address() -> Address {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let text = format!("pipe:linkspan-unit-{}-{number}", std::process::id());
    text.parse().unwrap()
}

fn config(backend: Backend) -> Config {
    Config {
        backend,
        ..Config::default()
    }
}

fn all() -> impl Iterator<Item = Backend> + Clone {
    let is_here = |backend: &Backend| backend.check().is_ok();
    Backend::ALL.into_iter().filter(is_here)
}

async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let result = timeout(Duration::from_secs(10), work).await;
    result.unwrap_or_else(|_| panic!("{what} takes more than 10 s"))
}

/// Both ends of a connection: the client's, and the server's.
async fn pair(backend: Backend) -> (ByteLink, ByteLink) {
    let (address, config) = (address(), config(backend));
    let mut listener = LocalListener::bind(&address, &config).unwrap();
    let client = dial(&address, &config).await.unwrap();
    (client, soon("accepting", listener.accept()).await.unwrap())
}

/// Writes what fills the system's buffer, and as much again, which stays under way.
async fn fill(writer: &dyn ByteWriter) -> usize {
    let block = vec![7; 64 * 1024];
    for _ in 0..2 {
        while let Err(error) = writer.try_write(&[IoSlice::new(&block)]) {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            let ready = poll_fn(|cx| writer.poll_write_ready(cx));
            soon("writing", ready).await.unwrap();
        }
    }
    2 * block.len()
}

async fn read_to_end(reader: &mut dyn ByteReader) -> usize {
    let mut total = 0;
    loop {
        let mut buffer = BytesMut::with_capacity(4096);
        match poll_fn(|cx| reader.poll_read(cx, &mut buffer, 4096))
            .await
            .unwrap()
        {
            0 => return total,
            count => total += count,
        }
    }
}

#[tokio::test]
async fn who_has_connected_before_a_switch_is_accepted_after_it() {
    for (from, to) in all().zip(all().cycle().skip(1)) {
        let (address, config) = (address(), config(from));
        let mut listener = LocalListener::bind(&address, &config).unwrap();
        let _before = dial(&address, &config).await.unwrap();
        let mut held = Vec::new();
        for backend in [to, from, to] {
            listener.switch(backend).unwrap();
        }
        // The former backend has the one connection that found its instance, and no other.
        for expected in [from, to, to] {
            let link = soon("accepting", listener.accept()).await.unwrap();
            assert_eq!(link.peer.backend, Some(expected));
            held.push((link, dial(&address, &config).await.unwrap()));
        }
    }
}

#[tokio::test]
async fn last_bytes_reach_a_reader_that_begins_after_the_close() {
    for backend in all() {
        let (mut client, server) = pair(backend).await;
        let written = fill(&*server.writer).await;
        server.writer.shutdown();
        let read = soon("reading", read_to_end(&mut *client.reader)).await;
        assert_eq!(read, written, "{backend}");
    }
}

async fn until_closed(writer: &dyn ByteWriter) {
    while error_of_a_write(writer).is_none_or(|kind| kind == io::ErrorKind::WouldBlock) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn error_of_a_write(writer: &dyn ByteWriter) -> Option<io::ErrorKind> {
    let written = writer.try_write(&[IoSlice::new(&[7])]);
    written.err().map(|error| error.kind())
}

#[tokio::test]
async fn who_never_reads_cannot_keep_a_closed_connection() {
    for backend in all() {
        // The writer may have learnt that its last write is under way, or not.
        for is_refused in [true, false] {
            let closed = close_without_a_reader(backend, is_refused);
            soon(&format!("closing by {backend}, {is_refused}"), closed).await;
        }
    }
}

/// Closes a connection with bytes that nobody reads, and waits until the other end learns of it.
async fn close_without_a_reader(backend: Backend, is_refused: bool) {
    let (client, server) = pair(backend).await;
    fill(&*server.writer).await;
    if is_refused {
        let error = error_of_a_write(&*server.writer);
        assert_eq!(error, Some(io::ErrorKind::WouldBlock));
    }
    drop(server);
    until_closed(&*client.writer).await;
}
