//! Pipes by name: claimed, private, and found by clients from the beginning.

use std::io;
use std::sync::{Mutex, PoisonError};

use crate::PipeError;
use crate::windows::pipe::claim::Claim;
use crate::windows::pipe::connect::{is_busy, maker};
use crate::windows::pipe::instance::{Instances, PipeInstance};
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

/// A named pipe that belongs to this process: what its instances are made by.
///
/// Each instance has the security descriptor from its birth on; none can be opened from another
/// machine, and none is inherited by child processes. Dropping the pipe leaves its instances alone.
///
/// # Platform notes
///
/// Windows gives a name back when the last instance is closed: as long as accepted connections live,
/// the name cannot be bound again, by this process or another.
#[derive(Debug)]
pub struct Pipe {
    name: String,
    instances: Instances,
    /// The first instance, until somebody wants one.
    first: Mutex<Option<PipeInstance>>,
    _claim: Claim,
}

impl Pipe {
    /// Makes `\\.\pipe\NAME`, and its first instance with it.
    ///
    /// # Errors
    ///
    /// - [`PipeError::InUse`]: somebody has a pipe of this name.
    /// - [`PipeError::Name`]: it cannot be a pipe's name.
    /// - [`PipeError::SecurityDescriptor`]: that is not SDDL, or has no access list.
    /// - [`PipeError::Io`]: the system refused.
    pub fn create(name: &str, options: &PipeOptions) -> Result<Self, PipeError> {
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
        let first = instances.first().map_err(|error| {
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
            first: Mutex::new(Some(first)),
            _claim: claim,
        })
    }

    /// One more instance, for one more client: at first the one that was made with the pipe.
    ///
    /// # Errors
    ///
    /// The system's, as when it has no resources for it
    /// ([`is_descriptor_exhaustion`](crate::is_descriptor_exhaustion)).
    pub fn instance(&self) -> io::Result<PipeInstance> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map_or_else(|| self.instances.next(), Ok)
    }

    /// The name, without `\\.\pipe\`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a pipe of which no more than so many instances may exist at a time.
    #[cfg(test)]
    pub(crate) fn limited(name: &str, limit: u32) -> Self {
        let security = descriptor(name, &PipeOptions::default()).unwrap();
        let claim = Claim::take(name, &security).unwrap().unwrap();
        let mut instances = Instances::new(name::path(name).unwrap(), security);
        instances.limit(limit);
        Self {
            name: name.into(),
            first: Mutex::new(Some(instances.first().unwrap())),
            instances,
            _claim: claim,
        }
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
