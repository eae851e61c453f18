//! How a plugin is tried out.

use std::path::PathBuf;
use std::time::Duration;

use crate::plugin::SandboxLevel;
use crate::plugin::check::Call;

/// How a plugin is tried out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The least that is around it; where its manifest asks for more, that holds. Default: basic.
    pub sandbox: SandboxLevel,
    /// How long one thing is waited for, as an answer, before it counts as missing. Default: 10 s.
    pub timeout: Duration,
    /// What is added to the times of the protocol, as the second within which a plugin ends, for
    /// machines that are busy. Default: 1 s.
    pub slack: Duration,
    /// A call that takes long and does no harm, however often it is made; it is cancelled, and made
    /// many times at once. Default: none, so that a method is used that the manifest declares pure
    /// and that takes items, if there is one.
    pub call: Option<Call>,
    /// Where copies of its files are while it runs. Default: where hosts have theirs.
    pub copies: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sandbox: SandboxLevel::Basic,
            timeout: Duration::from_secs(10),
            slack: Duration::from_secs(1),
            call: None,
            copies: None,
        }
    }
}
