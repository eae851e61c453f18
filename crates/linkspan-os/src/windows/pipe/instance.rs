//! Instances of a pipe: one for each connection, all protected alike.
#![expect(
    unsafe_code,
    reason = "tokio takes security attributes as a raw pointer"
)]

use std::fmt;
use std::io;

use tokio::net::windows::named_pipe::{NamedPipeServer, PipeMode, ServerOptions};

use crate::windows::security::SecurityDescriptor;

/// Makes the instances of one pipe.
pub(crate) struct Instances {
    path: String,
    security: SecurityDescriptor,
    options: ServerOptions,
}

impl Instances {
    pub(crate) fn new(path: String, security: SecurityDescriptor) -> Self {
        let mut options = ServerOptions::new();
        options
            .pipe_mode(PipeMode::Byte)
            .reject_remote_clients(true)
            .in_buffer_size(BUFFER_BYTES)
            .out_buffer_size(BUFFER_BYTES);
        Self {
            path,
            security,
            options,
        }
    }

    /// Makes the first one; fails if anybody has a pipe of this name.
    pub(crate) fn first(&self) -> io::Result<NamedPipeServer> {
        let mut options = self.options.clone();
        self.make(options.first_pipe_instance(true))
    }

    /// Makes one more.
    pub(crate) fn next(&self) -> io::Result<NamedPipeServer> {
        self.make(&self.options)
    }

    fn make(&self, options: &ServerOptions) -> io::Result<NamedPipeServer> {
        let mut attributes = self.security.attributes();
        let attributes = (&raw mut attributes).cast();
        // SAFETY: `attributes` points to a SECURITY_ATTRIBUTES whose descriptor is in `self`; both
        // live until the call is over, and the system keeps neither.
        unsafe { options.create_with_security_attributes_raw(&self.path, attributes) }
    }

    /// Lets no more than so many exist at a time.
    #[cfg(test)]
    pub(crate) fn limit(&mut self, instances: usize) {
        self.options.max_instances(instances);
    }
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instances")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What the system keeps for a peer that does not read, in either direction.
const BUFFER_BYTES: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security_descriptor;
    use crate::windows::token::process_user;

    /// Where the system keeps one descriptor for a pipe, it is the first instance's, and that of the
    /// others is not seen; so each sort is made alone.
    #[tokio::test]
    async fn first_and_further_instances_have_the_descriptor() {
        let list = "D:P(A;;FA;;;SY)(A;;FR;;;AU)";
        for (sort, make) in [
            ("first", Instances::first as fn(&_) -> _),
            ("next", Instances::next),
        ] {
            let path = format!(r"\\.\pipe\linkspan-test-{}-{sort}", std::process::id());
            let security = SecurityDescriptor::parse(list, process_user().unwrap()).unwrap();
            let instance = make(&Instances::new(path, security)).unwrap();
            let told = security_descriptor(&instance).unwrap();
            assert!(told.ends_with(list), "{told}");
        }
    }
}
