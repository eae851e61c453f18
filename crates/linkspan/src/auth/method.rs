//! How it was proved who a peer is.

use std::fmt;

/// How it was proved who a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Not at all.
    #[default]
    None,
    /// By the kernel's word, on local sockets and within the process.
    PeerCredentials,
    /// By a certificate, over TLS.
    Certificate,
    /// By a launch token, which holds once.
    LaunchToken,
    /// By an API key.
    ApiKey,
    /// By a JWT.
    Jwt,
    /// By the host that started it.
    Host,
}

impl Method {
    /// Its name, in the handshake and in audit logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PeerCredentials => "peer_credentials",
            Self::Certificate => "certificate",
            Self::LaunchToken => "launch_token",
            Self::ApiKey => "api_key",
            Self::Jwt => "jwt",
            Self::Host => "host",
        }
    }

    /// Whether the client has to say something for it, rather than the transport.
    pub(crate) fn is_claimed(self) -> bool {
        matches!(self, Self::LaunchToken | Self::ApiKey | Self::Jwt)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
