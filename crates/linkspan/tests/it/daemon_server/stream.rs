//! A connection to a daemon, as bytes, for a thread that waits by blocking.

#[cfg(unix)]
pub(super) use unix::connect;
#[cfg(windows)]
pub(super) use windows::connect;

#[cfg(unix)]
pub(super) use std::os::unix::net::UnixStream as Stream;
#[cfg(windows)]
pub(super) use windows::Stream;

#[cfg(unix)]
mod unix {
    use std::os::unix::net::UnixStream;

    use linkspan::Address;
    use linkspan_test::wait;

    pub(in super::super) fn connect(address: &Address) -> UnixStream {
        let Address::Unix(path) = address else {
            panic!("{address}");
        };
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        stream
    }
}

/// Pipes that can be given up only exist for runtimes, so they have one of their own.
#[cfg(windows)]
mod windows {
    use std::io::{self, Read, Write};
    use std::sync::LazyLock;
    use std::time::Duration;

    use linkspan::Address;
    use linkspan_test::{raw, wait};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::windows::named_pipe::NamedPipeClient;
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::block_in_place;
    use tokio::time::timeout;

    pub(in super::super) struct Stream {
        pipe: NamedPipeClient,
        write_limit: Duration,
    }

    pub(in super::super) fn connect(address: &Address) -> Stream {
        let Address::Pipe(name) = address else {
            panic!("{address}");
        };
        let pipe = block_on(raw::connect_pipe(name)).unwrap();
        Stream {
            pipe,
            write_limit: wait::PATIENCE,
        }
    }

    impl Stream {
        pub(in super::super) fn set_write_timeout(
            &mut self,
            limit: Option<Duration>,
        ) -> io::Result<()> {
            self.write_limit = limit.unwrap_or(Duration::MAX);
            Ok(())
        }
    }

    impl Read for Stream {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let reading = within(wait::PATIENCE, self.pipe.read(buffer));
            match block_on(reading) {
                Err(error) if is_closed(&error) => Ok(0),
                result => result,
            }
        }
    }

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            block_on(within(self.write_limit, self.pipe.write(bytes)))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn within<T>(
        limit: Duration,
        operation: impl Future<Output = io::Result<T>>,
    ) -> io::Result<T> {
        let result = timeout(limit, operation).await;
        result.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build().unwrap()
        });
        block_in_place(|| RUNTIME.block_on(future))
    }

    /// What a Unix socket says by an end.
    fn is_closed(error: &io::Error) -> bool {
        const NOT_CONNECTED: i32 = 233;
        error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(NOT_CONNECTED)
    }
}
