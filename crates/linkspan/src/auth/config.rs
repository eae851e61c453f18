//! Settings of authentication.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Audit, Authenticator, PeerCredentials, SlowdownConfig};

/// Whom a server believes, for how long, and what it writes down about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Ways to prove who one is. Default: [`PeerCredentials`] alone.
    ///
    /// A client that offers a key or token is judged by it; any other by what the transport knows,
    /// its certificate before its user. Whoever is nobody by all of them is refused, unless
    /// [`anonymous`](Self::anonymous) says otherwise.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// Whether those are let in who are nobody by all of them, as whom the transport names: the holder
    /// of a certificate, the user at the other end, else `anonymous`. Default: no.
    pub anonymous: bool,
    /// How long a session by key or token lasts unless it is renewed; `None` for as long as the
    /// credential holds. Default: 2 h.
    pub session_timeout: Option<Duration>,
    /// Whether sessions can be renewed. Default: yes.
    pub renewal: bool,
    /// How those are slowed down who fail. Default: [`SlowdownConfig::default`].
    pub slowdown: SlowdownConfig,
    /// Where it is written down who was let in, who was not, and why. Default: nowhere.
    pub audit: Option<Audit>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            authenticators: vec![Arc::new(PeerCredentials::default())],
            anonymous: false,
            session_timeout: Some(Duration::from_secs(2 * 60 * 60)),
            renewal: true,
            slowdown: SlowdownConfig::default(),
            audit: None,
        }
    }
}

impl Config {
    /// The same settings with a further way to prove who one is.
    #[must_use]
    pub fn with(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticators.push(Arc::new(authenticator));
        self
    }
}
