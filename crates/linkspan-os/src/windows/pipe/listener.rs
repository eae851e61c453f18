//! Listening pipes.

use std::{io, mem};

use tokio::net::windows::named_pipe::NamedPipeServer;
use windows_sys::Win32::Foundation::{ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_NOT_CONNECTED};

use crate::PipeError;
use crate::windows::pipe::claim::Claim;
use crate::windows::pipe::connect::{is_busy, maker};
use crate::windows::pipe::instance::Instances;
use crate::windows::pipe::name;
use crate::windows::security::{self, SecurityDescriptor};
use crate::windows::token::process_user;

/// How a pipe is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipeOptions {
    /// Who may use the pipe, and to whom it belongs, as SDDL text. It has to have an access list
    /// (`D:`), which has to give this process's user all rights (`FA`), as every new instance needs
    /// them. Without an owner (`O:`) the pipe belongs to this process's user. Default: it belongs to
    /// this process's user; that user, the system and administrators have all rights, nobody else
    /// has any, and nothing is inherited.
    pub security_descriptor: Option<String>,
}

/// A named pipe with an instance that waits for a client at all times.
///
/// Each instance has the security descriptor from its birth on; none can be opened from another
/// machine, and none is inherited by child processes. Dropping the listener leaves accepted
/// connections alone.
///
/// # Platform notes
///
/// Windows gives a name back when the last instance is closed: as long as accepted connections live,
/// the name cannot be bound again, by this process or another.
#[derive(Debug)]
pub struct PipeListener {
    name: String,
    instances: Instances,
    /// The instance that clients find.
    waiting: NamedPipeServer,
    _claim: Claim,
}

impl PipeListener {
    /// Listens at `\\.\pipe\NAME`.
    ///
    /// # Errors
    ///
    /// - [`PipeError::InUse`]: somebody has a pipe of this name.
    /// - [`PipeError::Name`]: it cannot be a pipe's name.
    /// - [`PipeError::SecurityDescriptor`]: that is not SDDL, or has no access list.
    /// - [`PipeError::Io`]: the system refused.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime whose I/O is enabled.
    pub fn bind(name: &str, options: &PipeOptions) -> Result<Self, PipeError> {
        let path = name::path(name)?;
        let io = |source| PipeError::Io {
            name: name.into(),
            source,
        };
        let in_use = || PipeError::InUse {
            name: name.into(),
            pid: maker(&path),
        };
        let security = descriptor(name, options)?;
        let claim = Claim::take(name, &security)
            .map_err(io)?
            .ok_or_else(in_use)?;
        let instances = Instances::new(path.clone(), security);
        let waiting = instances.first().map_err(|error| {
            // So says the system of a first instance that is not the first.
            if error.kind() == io::ErrorKind::PermissionDenied || is_busy(&error) {
                in_use()
            } else {
                io(error)
            }
        })?;
        Ok(Self {
            name: name.into(),
            instances,
            waiting,
            _claim: claim,
        })
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
        while let Err(error) = self.waiting.connect().await {
            // The instance has no use any more. The new one is there before the old one goes.
            self.waiting = self.instances.next()?;
            if !has_gone(&error) {
                return Err(error);
            }
        }
        // Until it is replaced, the connected instance stays where it is, and says again that it is
        // connected.
        let next = self.instances.next()?;
        Ok(mem::replace(&mut self.waiting, next))
    }

    /// The name, without `\\.\pipe\`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn descriptor(name: &str, options: &PipeOptions) -> Result<SecurityDescriptor, PipeError> {
    let user = process_user().map_err(|source| PipeError::Io {
        name: name.into(),
        source,
    })?;
    let sddl = options
        .security_descriptor
        .clone()
        .unwrap_or_else(|| security::owner_only(user, ""));
    SecurityDescriptor::parse(&sddl, user)
        .map_err(|source| PipeError::SecurityDescriptor { sddl, source })
}

fn has_gone(error: &io::Error) -> bool {
    let gone = [ERROR_NO_DATA, ERROR_BROKEN_PIPE, ERROR_PIPE_NOT_CONNECTED];
    let code = error.raw_os_error();
    gone.iter().any(|gone| code == Some(gone.cast_signed()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;
    use crate::connect_pipe;

    /// A listener of whose pipe two instances may exist.
    fn bind(name: &str) -> PipeListener {
        let security = descriptor(name, &PipeOptions::default()).unwrap();
        let claim = Claim::take(name, &security).unwrap().unwrap();
        let mut instances = Instances::new(name::path(name).unwrap(), security);
        instances.limit(2);
        PipeListener {
            name: name.into(),
            waiting: instances.first().unwrap(),
            instances,
            _claim: claim,
        }
    }

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
        let mut listener = bind(&name);
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
