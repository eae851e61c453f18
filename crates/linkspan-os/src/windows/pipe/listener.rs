//! Listening pipes, watched by tokio.

use std::sync::Arc;
use std::{io, mem};

use tokio::net::windows::named_pipe::NamedPipeServer;

use crate::PipeError;
use crate::windows::pipe::named::{Pipe, PipeOptions};
use crate::windows::pipe::wait::has_gone;

/// A named pipe with an instance that waits for a client at all times.
///
/// Dropping the listener leaves accepted connections alone.
#[derive(Debug)]
pub struct PipeListener {
    pipe: Arc<Pipe>,
    /// The instance that clients find.
    waiting: NamedPipeServer,
}

impl PipeListener {
    /// Makes the pipe `\\.\pipe\NAME` and listens there.
    ///
    /// # Errors
    ///
    /// Those of [`Pipe::create`], and [`PipeError::Io`] if the runtime cannot watch it.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime whose I/O is enabled.
    pub fn bind(name: &str, options: &PipeOptions) -> Result<Self, PipeError> {
        let pipe = Arc::new(Pipe::create(name, options)?);
        Self::new(pipe).map_err(|source| PipeError::Io {
            name: name.into(),
            source,
        })
    }

    /// Listens at a pipe, perhaps beside others that have instances of it.
    ///
    /// # Errors
    ///
    /// The system's: there is no instance to be had, or the runtime cannot watch it.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime whose I/O is enabled.
    pub fn new(pipe: Arc<Pipe>) -> io::Result<Self> {
        let waiting = pipe.instance()?.into_server()?;
        Ok(Self { pipe, waiting })
    }

    /// The next connection. Before it is given out another instance waits for the next client.
    ///
    /// A client that has gone meanwhile may be given out like any other, since it may have left
    /// something to read; after that its connection is at its end.
    ///
    /// # Errors
    ///
    /// The system's, as when it has no resources for one more instance
    /// ([`is_descriptor_exhaustion`](crate::is_descriptor_exhaustion)). The listener can be used on,
    /// and a client that has connected is given out by a later call.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped: a client that has connected is given out by the
    /// next call.
    pub async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        self.connected().await?;
        self.take_next()
    }

    /// Waits until the waiting instance has its client. Until that is taken by [`take_next`](Self::take_next)
    /// or [`take_last`](Self::take_last), it is so at once.
    ///
    /// # Errors
    ///
    /// The system's. The listener can be used on.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if the future is dropped.
    pub async fn connected(&mut self) -> io::Result<()> {
        while let Err(error) = self.waiting.connect().await {
            // The instance has no use any more. The new one is there before the old one goes.
            self.take_next()?;
            if !has_gone(&error) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The instance that is [`connected`](Self::connected), after another one has taken its place.
    ///
    /// # Errors
    ///
    /// The system's: there is no other one. The instance stays where it is.
    pub fn take_next(&mut self) -> io::Result<NamedPipeServer> {
        let next = self.pipe.instance()?.into_server()?;
        Ok(mem::replace(&mut self.waiting, next))
    }

    /// The instance that is [`connected`](Self::connected), with no other one in its place.
    pub fn take_last(self) -> NamedPipeServer {
        self.waiting
    }

    /// The name, without `\\.\pipe\`.
    pub fn name(&self) -> &str {
        self.pipe.name()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::connect_pipe;
    use crate::windows::pipe::connect::is_busy;

    async fn accept(listener: &mut PipeListener) -> NamedPipeServer {
        loop {
            match listener.accept().await {
                Ok(server) => return server,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    #[tokio::test]
    async fn a_client_is_kept_while_no_further_instance_can_be_made() {
        let name = format!("linkspan-test-{}-kept", std::process::id());
        let mut listener = PipeListener::new(Arc::new(Pipe::limited(&name, 2))).unwrap();
        let first_client = connect_pipe(&name).unwrap();
        let first = listener.accept().await.unwrap();
        let mut client = connect_pipe(&name).unwrap();
        client.write_u8(1).await.unwrap();
        for _ in 0..3 {
            let error = listener.accept().await.unwrap_err();
            assert!(is_busy(&error), "{error}");
        }

        drop((first_client, first));
        // When the system gives up an instance is its affair.
        let accepted = timeout(Duration::from_secs(30), accept(&mut listener));
        let mut server = accepted.await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), 1);
        server.write_u8(2).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 2);
    }
}
