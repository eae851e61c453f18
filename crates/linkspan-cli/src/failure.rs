//! Why a command failed: its causes, what to do about it, and the exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use linkspan::exchange::{ConnectionError, ExchangeError};
use linkspan::rpc::{CallError, ConnectError};
use linkspan::transport::{DialError, TlsConfigError, TlsError};
use linkspan::{Category, Code};

use crate::config::ConfigError;

/// A command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
    hint: Option<String>,
}

/// What kind of failure; the numbers are exit codes and stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Other = 1,
    Usage = 2,
    Config = 3,
    Unreachable = 4,
    Refused = 5,
    Application = 6,
    Deadline = 7,
}

pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
            hint: None,
        }
    }

    /// A failure that is told in one sentence.
    pub(crate) fn message(kind: Kind, message: impl fmt::Display) -> Self {
        Self::new(kind, anyhow::anyhow!("{message}"))
    }

    /// The same failure as the cause of another.
    pub(crate) fn context(mut self, message: String) -> Self {
        self.error = self.error.context(message);
        self
    }

    /// The same failure with something that the reader can do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What the reader can do; about TLS nobody knows better than its error.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        let tls = self.error.chain().find_map(TlsError::find);
        tls.and_then(tls_hint).or(self.hint.as_deref())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    /// Whether our own output was closed by its reader.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        let error = self.error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A configuration that is wrong, shown where it is.
    pub(crate) fn config_error(&self) -> Option<&ConfigError> {
        self.error.downcast_ref()
    }

    /// What happened, and then each cause that says something new.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for cause in self.error.chain() {
            let text = cause.to_string();
            if texts.last().is_none_or(|last| !last.contains(&text)) {
                texts.push(text);
            }
        }
        texts
    }
}

impl Kind {
    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "failed",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Application => "application",
            Self::Deadline => "deadline",
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Kind::Other, error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Kind::Other, error)
    }
}

impl From<Box<ConfigError>> for Failure {
    fn from(error: Box<ConfigError>) -> Self {
        Self::new(Kind::Config, *error)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let hint = match &error {
            ConnectError::Address(_) => {
                Some("addresses look like unix:/run/app.sock or tcp:127.0.0.1:9000")
            }
            ConnectError::Dial(DialError::Plaintext { .. }) => Some(
                "allow it by `transport: { allow_plaintext: true }`, if everybody on the way may read along",
            ),
            ConnectError::Dial(DialError::Io { .. }) => {
                Some("is a server running there? `linkspan up` starts a node")
            }
            ConnectError::Silent { .. } | ConnectError::Io(_) => Some(
                "something listens there, but it may not take calls; `linkspan exchange send` asks \
                 servers of exchanges",
            ),
            _ => None,
        };
        let kind = match &error {
            ConnectError::Address(_) => Kind::Usage,
            _ if error.refusal().is_some() => Kind::Refused,
            _ => Kind::Unreachable,
        };
        let failure = Self::new(kind, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let kind = match error.category() {
            Category::Deadline => Kind::Deadline,
            Category::Connection if error.code() == Code::OUTCOME_UNKNOWN => Kind::Unreachable,
            Category::Request
            | Category::Limit
            | Category::Connection
            | Category::Authentication
            | Category::Authorization => Kind::Refused,
            _ => Kind::Other,
        };
        let hint = match error.retry_after() {
            Some(wait) => Some(format!("try again in {wait:?}")),
            None if error.code() == Code::DEADLINE_EXCEEDED => {
                Some("--timeout sets how long to wait".to_owned())
            }
            None if error.code() == Code::NOT_SEALED => {
                Some("--key-ring seals it, with the keys of the server".to_owned())
            }
            None => None,
        };
        let failure = Self::new(kind, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn tls_hint(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::Config(
            TlsConfigError::NoCertificate | TlsConfigError::NoTrust | TlsConfigError::File { .. },
        ) => {
            "`linkspan cert ca DIR` and `linkspan cert issue DIR server client` make what is needed; \
             --tls-dir DIR uses it"
        }
        TlsError::Config(TlsConfigError::Private(_)) => {
            "a private key is its owner's only: `chmod 600 FILE`"
        }
        TlsError::UnknownAuthority => {
            "both sides need certificates of one authority, and its ca.pem; `linkspan cert show FILE` \
             shows who signed one"
        }
        TlsError::Expired { .. } => "`linkspan cert renew DIR NAME` renews it, at the peer",
        TlsError::NotYetValid { .. } => "are the clocks of both machines right?",
        TlsError::Name { .. } => {
            "use one of its names in the address, set `transport: { tcp: { tls: { server_name: NAME } \
             } }`, or issue one with `linkspan cert issue DIR NAME --san HOST`"
        }
        TlsError::NoCertificate | TlsError::CertificateRequired => {
            "`linkspan cert issue DIR client` makes one; --tls-dir DIR --tls-name client presents it"
        }
        TlsError::Refused { .. } => {
            "is this side's certificate of the authority that the peer trusts, and not expired? \
             `linkspan cert show FILE` shows it"
        }
        TlsError::NotTls => "the server may speak without TLS: tcp: instead of tls:",
        TlsError::NothingInCommon => {
            "the configuration of either side allows less: `min_tls_version`, `algorithm`"
        }
        _ => return None,
    })
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        let (kind, hint) = (exchange_kind(&error), exchange_hint(&error));
        let failure = Self::new(kind, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn exchange_kind(error: &ExchangeError) -> Kind {
    match error {
        ExchangeError::Address(_) => Kind::Usage,
        ExchangeError::Question(_) | ExchangeError::Busy { .. } => Kind::Refused,
        ExchangeError::Expired { last, .. } => exchange_kind(last),
        ExchangeError::OutcomeUnknown { source, .. } if is_late(source) => Kind::Deadline,
        ExchangeError::OutcomeUnknown {
            source: ConnectionError::Frame(_),
            ..
        }
        | ExchangeError::Answer(_) => Kind::Other,
        _ => Kind::Unreachable,
    }
}

/// Whether a time is up.
fn is_late(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Silent { .. }
            | ConnectionError::ReadStalled { .. }
            | ConnectionError::ReadTooSlow { .. }
            | ConnectionError::WriteStalled { .. }
            | ConnectionError::WriteTooSlow { .. }
    )
}

fn exchange_hint(error: &ExchangeError) -> Option<&'static str> {
    Some(match error {
        ExchangeError::Question(_) => {
            "a message has at least one byte, and at most --max-frame (1MiB if nothing else is \
             configured); the server has a limit of its own"
        }
        ExchangeError::Connect(_) => {
            "is a server there? `linkspan exchange serve ADDRESS --echo` starts one"
        }
        ExchangeError::Busy { .. } => "all its places are taken; a longer --timeout waits for one",
        ExchangeError::Expired { last, .. } => return exchange_hint(last),
        ExchangeError::OutcomeUnknown { source, .. } if is_late(source) => {
            "--timeout sets how long to wait"
        }
        ExchangeError::OutcomeUnknown {
            source: ConnectionError::Frame(_),
            ..
        } => {
            "the server may use the other variant (--crc32 ieee, --crc32 castagnoli), or longer \
             messages (--max-frame), or speak something else"
        }
        ExchangeError::OutcomeUnknown { .. } => {
            "servers close connections whose frames they do not take: for another variant (--crc32 \
             ieee, --crc32 castagnoli), or too long for them"
        }
        _ => return None,
    })
}
